"""Models of a few lines behind the port: one that answers at once, a late one, a prompted one.

    stand_in()                      answers at once; classes red, green, blue
    stand_in(lookahead=3)           three frames late
    stand_in(lookahead=None)        answers when the video ends
    stand_in(prompts="required")    segments what the prompts name

Each text has at most one track at a time: the pixels where one colour of the frame is bright. A
label is the index of a text in the order in which the session first named them, so that a class is
never given to another text. A frame whose first pixel is `POISON` in all colours makes a step
raise.
"""

import hashlib
import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace

import numpy as np

from maskstream_model.aliases import Frame, Pause
from maskstream_model.errors import FrameError, PromptError, StateError
from maskstream_model.pixel_masks import PixelMasks, Values
from maskstream_model.port import (
    ClassInfo,
    FrameResult,
    ModelInfo,
    PromptUse,
    SessionOptions,
    StepInput,
    StepOutput,
    TrackStatus,
    TrackTable,
)

POISON = 77
COLORS = ("red", "green", "blue")
MAX_MISSED = 2
MAX_TEXTS = 64
NO_OPTIONS = SessionOptions()


@dataclass(frozen=True)
class Track:
    """A track of the memory; `missed`: frames since it was seen."""

    track_id: int
    label: int
    birth_frame: int
    missed: int = 0


@dataclass(frozen=True)
class Memory:
    """What the parts hold; `texts` are all that the session has named, in order."""

    num_frames: int = 0
    next_track_id: int = 1
    texts: tuple[str, ...] = ()
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True)
class State:
    """The memory as of the last final result, and the frames that wait, with their options."""

    memory: Memory = Memory()
    pending: tuple[tuple[Frame, SessionOptions], ...] = ()


def stand_in(
    lookahead: int | None = 0, prompts: PromptUse = "never", name: str = "stand-in"
) -> "StandIn":
    """Return a model with these properties."""
    origin = f"{name} {lookahead} {prompts}"
    colors = zip(COLORS, ("#ff0000", "#00ff00", "#0000ff"), strict=True)
    info = ModelInfo(
        name=name,
        family="stand-in",
        task="instances" if prompts == "never" else "referring",
        classes=tuple(ClassInfo(*pair) for pair in colors) if prompts == "never" else None,
        prompts=prompts,
        lookahead=lookahead,
        report_score_min=0.3,
        show_score_min=0.0,
        input_rule="as they are",
        backbone="none",
        precision="exact",
        fingerprint=hashlib.sha256(origin.encode()).hexdigest()[:16],
    )
    return StandIn(info)


class StandIn:
    """Implements `port.Model`; nothing about a session is kept here but the sizes of batches."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info
        self.batches: list[int] = []

    def begin(self, options: SessionOptions = NO_OPTIONS) -> State:
        self._check_prompts(options)
        return State()

    def _check_prompts(self, options: SessionOptions) -> None:
        if self.info.prompts == "required" and not options.prompts:
            raise PromptError(f"{self.info.name} needs prompts")
        if self.info.prompts == "never" and options.prompts:
            raise PromptError(f"{self.info.name} takes no prompts")

    def batch_key(self, height: int, width: int) -> Hashable:
        return height, width

    def clip_frames(self, height: int, width: int) -> int:
        return 4

    def step(
        self, batch: Sequence[StepInput[State]], pause: Pause | None = None
    ) -> list[StepOutput[State]]:
        self.batches.append(len(batch))
        return [self._step_one(given, pause) for given in batch]

    def _step_one(self, given: StepInput[State], pause: Pause | None) -> StepOutput[State]:
        self._check_prompts(given.options)
        finals, state = list[FrameResult](), given.state
        for frame in given.frames:
            _refuse(frame)
            if pause is not None:
                pause()
            state = replace(state, pending=(*state.pending, (frame, given.options)))
            if self.info.lookahead is not None and len(state.pending) > self.info.lookahead:
                result, state = self._answer(state)
                finals.append(result)
        provisional = self._provisional(state)[-len(given.frames) :]
        return StepOutput([*finals, *provisional], state)

    def flush(self, state: State, options: SessionOptions = NO_OPTIONS) -> StepOutput[State]:
        finals = []
        while state.pending:
            result, state = self._answer(state)
            finals.append(result)
        return StepOutput(finals, state)

    def _provisional(self, state: State) -> list[FrameResult]:
        """Answer all frames that wait, each as if it were the newest."""
        results, memory = list[FrameResult](), state.memory
        for frame, options in state.pending if self.info.lookahead else ():
            result, memory = self.advance(memory, frame, options, [])
            results.append(replace(result, final=False))
        return results

    def _answer(self, state: State) -> tuple[FrameResult, State]:
        """Answer the oldest frame that waits, from all that do."""
        (frame, options), *later = state.pending
        after = [each for each, _ in later]
        result, memory = self.advance(state.memory, frame, options, after)
        return result, State(memory, state.pending[1:])

    def advance(
        self, memory: Memory, frame: Frame, options: SessionOptions, later: Sequence[Frame]
    ) -> tuple[FrameResult, Memory]:
        """Track the texts on one frame; what comes later only moves the scores."""
        wanted = options.prompts or COLORS
        texts = (*memory.texts, *(text for text in wanted if text not in memory.texts))
        if len(texts) > MAX_TEXTS:
            raise PromptError(f"a session may name {MAX_TEXTS} texts, not {len(texts)}")
        number = memory.num_frames + 1
        values = {label: _values(frame, text) for label, text in enumerate(texts) if text in wanted}
        rows = [(*_judge(track, values), track) for track in memory.tracks]
        taken = {track.label for status, _, track in rows if status is not TrackStatus.DISAPPEARED}
        seen = [label for label in values if label not in taken and (values[label] > 0).any()]
        limit = len(seen) if options.max_tracks is None else options.max_tracks - len(taken)
        born = [
            Track(memory.next_track_id + index, label, number)
            for index, label in enumerate(seen[: max(0, limit)])
        ]
        rows += [(TrackStatus.EMERGED, track, track) for track in born]
        result = FrameResult(
            number,
            _table(rows, number, [_score([frame, *later], texts[row[2].label]) for row in rows]),
            PixelMasks(_stack(rows, values, frame)),
            num_refused=len(seen) - len(born),
        )
        living = tuple(after for status, after, _ in rows if status != TrackStatus.DISAPPEARED)
        return result, Memory(number, memory.next_track_id + len(born), texts, living)

    def committed(self, state: State) -> int:
        return state.memory.num_frames

    def to_parts(self, state: State) -> dict[str, bytes]:
        memory = state.memory
        parts = {
            "model": self.info.fingerprint,
            "counts": [memory.num_frames, memory.next_track_id],
            "texts": memory.texts,
            "tracks": [astuple(track) for track in memory.tracks],
        }
        return {name: json.dumps(value).encode() for name, value in parts.items()}

    def from_parts(self, parts: Mapping[str, bytes]) -> State:
        names = {"model", "counts", "texts", "tracks"}
        if set(parts) != names:
            raise StateError(f"parts are {', '.join(sorted(names))}, not {sorted(parts)}")
        try:
            values = {name: json.loads(blob) for name, blob in parts.items()}
            num_frames, next_track_id = values["counts"]
            tracks = tuple(Track(*row) for row in values["tracks"])
            memory = Memory(num_frames, next_track_id, tuple(values["texts"]), tracks)
            _check(memory)
        except (ValueError, TypeError) as error:
            raise StateError(f"a part is damaged: {error}") from error
        if values["model"] != self.info.fingerprint:
            raise StateError(f"the state is of {values['model']}, not of {self.info.fingerprint}")
        return State(memory)


def _judge(track: Track, values: Mapping[int, Values]) -> tuple[TrackStatus, Track]:
    """Say what happened to a track on a frame, and what it is after it."""
    if track.label not in values:
        return TrackStatus.DISAPPEARED, track
    if (values[track.label] > 0).any():
        return TrackStatus.TRACKED, replace(track, missed=0)
    gone = track.missed >= MAX_MISSED
    status = TrackStatus.DISAPPEARED if gone else TrackStatus.MISSED
    return status, replace(track, missed=track.missed + 1)


Row = tuple[TrackStatus, Track, Track]


def _table(rows: Sequence[Row], number: int, scores: Sequence[float]) -> TrackTable:
    tracks = [track for _, _, track in rows]
    return TrackTable(
        track_ids=np.array([track.track_id for track in tracks], np.int64),
        labels=np.array([track.label for track in tracks], np.int64),
        scores=np.array(scores, np.float32),
        status=np.array([int(status) for status, _, _ in rows], np.int64),
        ages=np.array([number - track.birth_frame + 1 for track in tracks], np.int64),
        things=np.ones(len(rows), np.bool_),
        mentionable=np.ones(len(rows), np.bool_),
    )


def _stack(rows: Sequence[Row], values: Mapping[int, Values], frame: Frame) -> Values:
    nothing = np.full(frame.shape[:2], -1, np.float32)
    stacked = np.zeros((len(rows), *frame.shape[:2]), np.float32)
    for index, (_, _, track) in enumerate(rows):
        stacked[index] = values.get(track.label, nothing)
    return stacked


def _values(frame: Frame, text: str) -> Values:
    """Return `(height, width)`, above 0 where the colour that a text stands for is bright."""
    channel = COLORS.index(text) if text in COLORS else sum(text.encode()) % 3
    return frame[:, :, channel].astype(np.float32) - 127.5


def _score(frames: Sequence[Frame], text: str) -> float:
    """Return how bright a text is at most, a mean over frames: a late model sees more of them."""
    return float(np.mean([max(0.0, float(_values(each, text).max())) / 127.5 for each in frames]))


def _refuse(frame: Frame) -> None:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise FrameError(f"a frame must be uint8 (height, width, 3), not {frame.shape}")
    if (frame[0, 0] == POISON).all():
        raise RuntimeError("the model fails on this frame")


def _check(memory: Memory) -> None:
    """Raise ValueError unless a memory can be one."""
    numbers = [memory.num_frames, memory.next_track_id]
    numbers += [value for track in memory.tracks for value in asdict(track).values()]
    if not all(type(value) is int and value >= 0 for value in numbers):
        raise ValueError("a count is no whole number")
    if not all(type(text) is str for text in memory.texts) or len(memory.texts) > MAX_TEXTS:
        raise ValueError("texts are no texts, or too many")
    ids = [track.track_id for track in memory.tracks]
    labels = [track.label for track in memory.tracks]
    if len(set(ids)) < len(ids) or max(ids, default=0) >= memory.next_track_id:
        raise ValueError("track ids are given twice")
    if len(set(labels)) < len(labels) or max(labels, default=-1) >= len(memory.texts):
        raise ValueError("labels are given twice, or are of no text")
    if any(not 1 <= track.birth_frame <= memory.num_frames for track in memory.tracks):
        raise ValueError("a track was born on no frame")
