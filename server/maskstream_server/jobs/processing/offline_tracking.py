"""The mode `offline`: trackers frame by frame, then the refiner over windows of frames.

A window of frames is held, never more. What a worker goes on from is the memory before the first
frame of the next window: the frames that two windows share are tracked once more, and nothing else.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from maskstream_model.daq.clip_memory import ClipMemory, clip_memory_from_parts
from maskstream_model.daq.clip_rows import TrackedFrame
from maskstream_model.daq.offline import OfflineDaq, RefinedSpan
from maskstream_model.daq.refined import Rle
from maskstream_model.daq.spans import Cutter, Span
from maskstream_model.interface import Frame
from maskstream_protocol.masks import mask_size
from maskstream_protocol.records import Status
from maskstream_server.engine.engine import Engine
from maskstream_server.jobs.processing.lines import RefinedObject, refined_line
from maskstream_server.jobs.processing.part_writer import Line
from maskstream_server.jobs.processing.tracking import patiently
from maskstream_server.jobs.records.options import VideoOptions
from maskstream_server.jobs.records.store import Memory
from maskstream_server.media.ports import DecodedFrame
from maskstream_server.session.memory import MemoryDamagedError

WINDOWS_PART: Final = "windows"
SCHEMA: Final = 1
Floats = npt.NDArray[np.float32]
Stamp = tuple[int, float]
"""A frame's number in the file, and its time."""


@dataclass
class Belief:
    """What the windows say of a row of the refiner so far.

    Attributes:
        weighted: `(K,)` probabilities of the classes, times the frames that their windows decide.
        num_frames: the sum of these.
        track_id: what clients call it, from 1; None: it has not been mentioned.
        born: the frame on which it was.
    """

    weighted: Floats
    num_frames: int
    track_id: int | None = None
    born: int = 0

    def weigh(self, probabilities: Floats, num_frames: int) -> None:
        """Add what a window says."""
        self.weighted = self.weighted + num_frames * probabilities
        self.num_frames += num_frames

    @property
    def best(self) -> tuple[int, float]:
        """The best class and its probability."""
        mean = self.weighted / self.num_frames
        label = int(mean.argmax())
        return label, float(mean[label])


@dataclass
class OfflineTracking:
    """Implements `tracking.Tracking`; each step of it is a turn of the engine of its own.

    Attributes:
        engine: lends its thread, to live sessions first.
        model: tracks and refines.
        session: name for the engine.
        options: what is wanted.
        max_tracks: bound on tracks, as for live sessions.
        next_frame: see `Tracking`.
        num_done: see `Tracking`.
    """

    engine: Engine[Any]
    model: OfflineDaq
    session: str
    options: VideoOptions
    max_tracks: int
    next_frame: int = 0
    num_done: int = 0
    _memory: ClipMemory = field(init=False)
    _cutter: Cutter[TrackedFrame] = field(init=False)
    _before: dict[int, ClipMemory] = field(init=False, default_factory=dict)
    """Memories before the frames with which windows to come begin."""
    _stamps: dict[int, Stamp] = field(init=False, default_factory=dict)
    _beliefs: dict[int, Belief] = field(init=False, default_factory=dict)
    _next_id: int = field(init=False, default=1)
    _kept: Memory | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Begin with the first frame."""
        rules = self.model.rules
        self._memory = self.model.initial_memory()
        self._cutter = Cutter(rules.window, rules.overlap)

    def at_once(self, most: int) -> int:
        """See `Tracking`: windows begin where frames are taken."""
        if self._stride is None:
            return most
        return max(count for count in range(1, most + 1) if self._stride % count == 0)

    async def take(self, frames: Sequence[DecodedFrame]) -> Sequence[Line]:
        """See `Tracking`."""
        self._kept = None
        track = partial(self._track, [frame.pixels for frame in frames], self._memory)
        steps = await self._perform(frames[0].index, track, frames[-1].index)
        lines: list[Line] = []
        for frame, (tracked, memory) in zip(frames, steps, strict=True):
            lines += await self._add(frame, tracked)
            self._memory = memory
        return lines

    def _track(
        self, frames: Sequence[Frame], memory: ClipMemory
    ) -> list[tuple[TrackedFrame, ClipMemory]]:
        steps: list[tuple[TrackedFrame, ClipMemory]] = []
        for some in self.engine.clips.pieces(frames):
            steps += self.model.track_clip(some, memory, self.max_tracks, self.engine.give_way)
            memory = steps[-1][1]
        return steps

    async def _add(self, frame: DecodedFrame, tracked: TrackedFrame) -> list[Line]:
        """Add a frame to its windows; return the lines that are final by it."""
        number = self.next_frame
        if self._stride is not None and (number - self._cutter.first) % self._stride == 0:
            self._before[number] = self._memory
        if number >= self._cutter.decided:
            self._stamps[number] = (frame.index, frame.time_s)
        self.next_frame += 1
        span = self._cutter.add(tracked)
        if span is None:
            return []
        lines = await self._refine(span)
        await self._keep()
        return lines

    @property
    def _stride(self) -> int | None:
        """Frames from one window to the next; None where there is only one."""
        rules = self.model.rules
        return None if rules.window is None else rules.window - rules.overlap

    async def finish(self) -> Sequence[Line]:
        """See `Tracking`: the last window."""
        span = self._cutter.rest()
        return [] if span is None else await self._refine(span)

    def memory(self) -> Memory | None:
        """See `Tracking`: there is one after each window."""
        return self._kept

    def restore(self, num_done: int, stored: Memory) -> None:
        """See `Tracking`."""
        rules = self.model.rules
        self._memory = clip_memory_from_parts(stored, self.model.online)
        try:
            kept = json.loads(stored[WINDOWS_PART])
            if kept["schema"] != SCHEMA or kept["decided"] != num_done:
                raise MemoryDamagedError(f"there is none after frame {num_done}")
            self._cutter = Cutter(rules.window, rules.overlap, int(kept["first"]), num_done)
            self._next_id = int(kept["next_id"])
            self._beliefs = {
                int(row): Belief(np.array(weighted, np.float32), *rest)
                for row, weighted, *rest in kept["beliefs"]
            }
        except (KeyError, TypeError, ValueError) as error:
            raise MemoryDamagedError(str(error)) from error
        self.next_frame, self.num_done = self._cutter.first, num_done

    async def _perform(self, number: int, work: Any, last: int | None = None) -> Any:
        last = number if last is None else last
        return await patiently(number, last, lambda: self.engine.perform(self.session, work))

    async def _refine(self, span: Span[TrackedFrame]) -> list[Line]:
        """Refine a window and return the lines of the frames that it decides."""
        number = self._stamps[span.first + span.final.start][0]
        mentioned = {row for row, belief in self._beliefs.items() if belief.track_id is not None}
        steps, refined = self.model.refining(span, mentioned), None
        while refined is None:
            refined = await self._perform(number, partial(next, steps))
        self._weigh(refined)
        size = mask_size(span.items[0].size, self.options.mask_scale)
        rows = refined.row_ids[refined.chosen].tolist()
        lines: list[Line] = []
        for time in span.final:
            index, time_s = self._stamps.pop(self.num_done)
            masks = await self._perform(index, partial(refined.masks, time, size))
            objects = self._mention(rows, masks)
            classes = self.model.config.classes
            lines.append(partial(refined_line, index, time_s, size, objects, classes))
            self.num_done += 1
        return lines

    def _weigh(self, refined: RefinedSpan) -> None:
        """Add what a window says of classes; forget tracks that no window will see again."""
        span = refined.span
        rows = refined.row_ids.tolist()
        living = {*rows, *(row for row in self._beliefs if row < 0)}
        for item in span.items:
            living.update(item.track_ids.tolist())
        self._beliefs = {row: belief for row, belief in self._beliefs.items() if row in living}
        for row, probabilities in zip(rows, refined.probabilities.numpy(), strict=True):
            belief = self._beliefs.setdefault(row, Belief(np.zeros_like(probabilities), 0))
            belief.weigh(probabilities, len(span.final))

    def _mention(self, rows: Sequence[int], masks: Sequence[Rle | None]) -> list[RefinedObject]:
        """Return the objects of the next frame; whom nobody knows needs a mask and a score."""
        score_min = self.options.min_score
        if score_min is None:
            score_min = self.model.config.online.report_score_min
        objects = []
        for row, mask in zip(rows, masks, strict=True):
            belief, status = self._beliefs[row], Status.TRACKED
            label, score = belief.best
            if belief.track_id is None:
                if mask is None or score < score_min:
                    continue
                belief.track_id, belief.born, status = self._next_id, self.num_done, Status.EMERGED
                self._next_id += 1
            age = self.num_done - belief.born + 1
            objects.append(RefinedObject(belief.track_id, label, score, status, age, mask))
        return objects

    async def _keep(self) -> None:
        """Make the memory to go on from after the window that was refined just now."""
        first = self._cutter.first
        self._before = {number: kept for number, kept in self._before.items() if number >= first}
        to_parts = partial(self._before[first].to_parts, self.model.online)
        tracker = await self._perform(self.next_frame, to_parts)
        kept = {
            "schema": SCHEMA,
            "first": first,
            "decided": self._cutter.decided,
            "next_id": self._next_id,
            "beliefs": [
                [row, belief.weighted.tolist(), belief.num_frames, belief.track_id, belief.born]
                for row, belief in self._beliefs.items()
            ],
        }
        self._kept = {**tracker, WINDOWS_PART: json.dumps(kept, separators=(",", ":")).encode()}
