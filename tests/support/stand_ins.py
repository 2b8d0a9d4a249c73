"""Models of a few lines behind the port: one that answers at once, a late one, a prompted one.

    stand_in()                      answers at once; classes red, green, blue
    stand_in(lookahead=3)           three frames late
    stand_in(lookahead=None)        answers when the video ends
    stand_in(prompts="required")    segments what the prompts name

Each class has at most one track at a time: the pixels where one colour of the frame is bright. A
frame whose first pixel is `POISON` in all colours makes a step raise.
"""

import hashlib
import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

from maskstream_model.aliases import Frame, Pause
from maskstream_model.errors import StateError
from maskstream_model.frame_by_frame import NO_OPTIONS, check_frame, check_prompts
from maskstream_model.pixel_masks import PixelTrack, Values, pixel_result
from maskstream_model.port import (
    ClassInfo,
    FrameResult,
    ModelInfo,
    PromptUse,
    SessionOptions,
    StepInput,
    StepOutput,
    TrackStatus,
)

POISON = 77
COLORS = {"red": "#ff0000", "green": "#00ff00", "blue": "#0000ff"}
MAX_MISSED = 2


@dataclass(frozen=True)
class Track:
    """A track of the memory; `missed`: frames since it was seen."""

    track_id: int
    label: int
    birth_frame: int
    missed: int = 0


@dataclass(frozen=True)
class Memory:
    """What the parts hold."""

    num_frames: int = 0
    next_track_id: int = 1
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True)
class Pending:
    """A frame that was seen and not answered."""

    frame: Frame
    options: SessionOptions
    skipped: int


@dataclass(frozen=True)
class State:
    """The memory as of the last final result, and the frames that wait."""

    memory: Memory = Memory()
    pending: tuple[Pending, ...] = ()


def stand_in(
    lookahead: int | None = 0, prompts: PromptUse = "never", name: str = "stand-in"
) -> "StandIn":
    """Return a model with these properties."""
    origin = f"{name} {lookahead} {prompts}"
    info = ModelInfo(
        name=name,
        family="stand-in",
        task="instances" if prompts == "never" else "referring",
        classes=tuple(ClassInfo(*pair) for pair in COLORS.items()) if prompts == "never" else None,
        prompts=prompts,
        lookahead=lookahead,
        report_score_min=0.3,
        fingerprint=hashlib.sha256(origin.encode()).hexdigest()[:16],
    )
    return StandIn(info)


def colored_frames(count: int = 16, size: tuple[int, int] = (20, 28)) -> list[Frame]:
    """Return frames on which a rectangle of each colour comes, walks and goes."""
    frames = []
    for time in range(count):
        frame = np.zeros((*size, 3), np.uint8)
        for channel in range(3):
            if (time + 3 * channel) // (4 + channel) % 2 == 0:
                top, left = 2 + 5 * channel, 2 + time % 6
                frame[top : top + 4, left : left + 6, channel] = 180 + 4 * (time % 16)
        frames.append(frame)
    return frames


class StandIn:
    """Implements `port.Model`; nothing about a session is kept here but the sizes of batches."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info
        self.batches: list[int] = []

    def begin(self, options: SessionOptions = NO_OPTIONS) -> State:
        self._wanted(options)
        return State()

    def batch_key(self, height: int, width: int) -> Hashable:
        return height, width

    def clip_frames(self, height: int, width: int, most: int) -> int:
        return min(4, most)

    def step(
        self, batch: Sequence[StepInput[State]], pause: Pause | None = None
    ) -> list[StepOutput[State]]:
        self.batches.append(len(batch))
        return [self._step_one(given, pause) for given in batch]

    def _step_one(self, given: StepInput[State], pause: Pause | None) -> StepOutput[State]:
        self._wanted(given.options)
        finals, state, skipped = list[FrameResult](), given.state, given.skipped
        for frame in given.frames:
            check_frame(frame)
            if (frame[0, 0] == POISON).all():
                raise RuntimeError("the model fails on this frame")
            if pause is not None:
                pause()
            waiting = Pending(frame, given.options, skipped)
            state, skipped = replace(state, pending=(*state.pending, waiting)), 0
            if self.info.lookahead is not None and len(state.pending) > self.info.lookahead:
                result, state = self._answer(state)
                finals.append(result)
        provisional = self._provisional(state)[-len(given.frames) :]
        return StepOutput([*finals, *provisional], state)

    def flush(
        self, state: State, options: SessionOptions = NO_OPTIONS, pause: Pause | None = None
    ) -> StepOutput[State]:
        finals = []
        while state.pending:
            result, state = self._answer(state)
            finals.append(result)
        return StepOutput(finals, state)

    def _answer(self, state: State) -> tuple[FrameResult, State]:
        """Answer the oldest frame that waits, from all that do."""
        oldest, *later = state.pending
        result, memory = self._advance(state.memory, oldest, [each.frame for each in later])
        return result, State(memory, state.pending[1:])

    def _provisional(self, state: State) -> list[FrameResult]:
        """Answer all frames that wait, each as if it were the newest."""
        results, memory = list[FrameResult](), state.memory
        for waiting in state.pending if self.info.lookahead else ():
            result, memory = self._advance(memory, waiting, [])
            results.append(replace(result, final=False))
        return results

    def _advance(
        self, memory: Memory, now: Pending, later: Sequence[Frame]
    ) -> tuple[FrameResult, Memory]:
        """Track on one frame; what comes later only moves the scores."""
        wanted, limit = self._wanted(now.options), now.options.max_tracks
        values = {label: _values(now.frame, text) for label, text in wanted.items()}
        number, next_id = memory.num_frames + 1, memory.next_track_id
        rows = [_judge(track, values, now.skipped) for track in memory.tracks]
        taken = [track.label for status, track in rows if status is not TrackStatus.DISAPPEARED]
        seen = [label for label in values if label not in taken and (values[label] > 0).any()]
        few = seen if limit is None else seen[: max(0, limit - len(taken))]
        born = [Track(next_id + index, label, number) for index, label in enumerate(few)]
        rows += [(TrackStatus.EMERGED, track) for track in born]
        frames = [now.frame, *later]
        tracks = [
            PixelTrack(
                track.track_id,
                track.label,
                _score(frames, wanted.get(track.label)),
                status,
                number - track.birth_frame + 1,
                values.get(track.label),
            )
            for status, track in rows
        ]
        result = pixel_result(number, now.frame.shape[:2], tracks, len(seen) - len(born))
        living = tuple(track for status, track in rows if status is not TrackStatus.DISAPPEARED)
        return result, Memory(number, next_id + len(born), living)

    def _wanted(self, options: SessionOptions) -> dict[int, str]:
        """Return the texts to segment by label."""
        check_prompts(self.info, options)
        if options.prompts:
            return {prompt.class_id: prompt.text for prompt in options.prompts}
        return dict(enumerate(COLORS))

    def committed(self, state: State) -> int:
        return state.memory.num_frames

    def to_parts(self, state: State) -> dict[str, bytes]:
        memory = state.memory
        parts = {
            "model": self.info.fingerprint,
            "counts": [memory.num_frames, memory.next_track_id],
            "tracks": [astuple(track) for track in memory.tracks],
        }
        return {name: json.dumps(value).encode() for name, value in parts.items()}

    def from_parts(self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS) -> State:
        names = {"model", "counts", "tracks"}
        if set(parts) != names:
            raise StateError(f"parts are {', '.join(sorted(names))}, not {sorted(parts)}")
        try:
            values = {name: json.loads(blob) for name, blob in parts.items()}
            num_frames, next_track_id = values["counts"]
            tracks = tuple(Track(*row) for row in values["tracks"])
            memory = Memory(num_frames, next_track_id, tracks)
            _check(memory)
        except (ValueError, TypeError) as error:
            raise StateError(f"a part is damaged: {error}") from error
        if values["model"] != self.info.fingerprint:
            raise StateError(f"the state is of {values['model']}, not of {self.info.fingerprint}")
        if options.max_tracks is not None and len(tracks) > options.max_tracks:
            raise StateError(f"{len(tracks)} tracks are more than {options.max_tracks}")
        return State(memory)


Row = tuple[TrackStatus, Track]


def _judge(track: Track, values: Mapping[int, Values], skipped: int) -> Row:
    """Say what happened to a track, and what it is now; one whose prompt is gone ends."""
    if track.label not in values:
        return TrackStatus.DISAPPEARED, track
    if (values[track.label] > 0).any():
        return TrackStatus.TRACKED, replace(track, missed=0)
    missed = track.missed + skipped + 1
    status = TrackStatus.DISAPPEARED if missed > MAX_MISSED else TrackStatus.MISSED
    return status, replace(track, missed=missed)


def _values(frame: Frame, text: str) -> Values:
    """Return `(height, width)`, above 0 where the colour that a text stands for is bright."""
    channel = [*COLORS].index(text) if text in COLORS else sum(text.encode()) % 3
    return frame[:, :, channel].astype(np.float32) - 127.5


def _score(frames: Sequence[Frame], text: str | None) -> float:
    """Return how bright a text is at most, a mean over frames: a late model sees more of them."""
    if text is None:
        return 0.0
    return float(np.mean([max(0.0, float(_values(each, text).max())) / 127.5 for each in frames]))


def _check(memory: Memory) -> None:
    """Raise ValueError unless a memory can be one."""
    numbers = [memory.num_frames, memory.next_track_id]
    numbers += [value for track in memory.tracks for value in astuple(track)]
    if not all(type(value) is int and value >= 0 for value in numbers):
        raise ValueError("a count is no whole number")
    ids = [track.track_id for track in memory.tracks]
    if len(set(ids)) < len(ids) or max(ids, default=0) >= memory.next_track_id:
        raise ValueError("track ids are given twice")
    if any(not 1 <= track.birth_frame <= memory.num_frames for track in memory.tracks):
        raise ValueError("a track was born on no frame")
