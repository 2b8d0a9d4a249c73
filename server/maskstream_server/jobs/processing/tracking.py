"""From the frames of a video to lines of results, in the two modes; memory is a value."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from maskstream_model.interface import OnlineSegmenter
from maskstream_server.engine.engine import Engine
from maskstream_server.engine.types import EngineFullError, EngineRequest, StepFailedError
from maskstream_server.errors import MaskstreamServerError
from maskstream_server.jobs.processing.lines import frame_line
from maskstream_server.jobs.processing.part_writer import Line
from maskstream_server.jobs.records.options import VideoOptions
from maskstream_server.jobs.records.store import Memory
from maskstream_server.media.ports import DecodedFrame
from maskstream_server.session.memory import MemoryDamagedError, SessionMemory, read_memory

FULL_PAUSE_S = 0.1
EPOCH = 1
T = TypeVar("T")


class FrameFailedError(MaskstreamServerError):
    """The model failed on a frame; the text names it."""


class Tracking(Protocol):
    """Makes the lines of one video, in order; it begins anew where a memory was kept."""

    @property
    def next_frame(self) -> int:
        """The frame to take next, counting only those that are looked at."""
        ...

    @property
    def num_done(self) -> int:
        """Frames whose lines have been given."""
        ...

    def restore(self, num_done: int, stored: Memory) -> None:
        """Go on after `num_done` frames, from the memory that was stored with them.

        Raises:
            MemoryDamagedError: the memory cannot be read.
            StateError: it is another model's.
        """
        ...

    def at_once(self, most: int) -> int:
        """Return how many frames to take at a time, `most` or fewer.

        That it is the same wherever a worker goes on makes the results the same.
        """
        ...

    async def take(self, frames: Sequence[DecodedFrame]) -> Sequence[Line]:
        """Take the next frames; return the lines that are final now.

        Raises:
            FrameFailedError: the model failed on one of them.
            EngineStoppedError: the engine takes no frames now.
        """
        ...

    async def finish(self) -> Sequence[Line]:
        """Return the lines that are left after the last frame; raises what `take` does."""
        ...

    def memory(self) -> Memory | None:
        """Return what to go on from after the lines given; None: that cannot be had here."""
        ...


async def patiently(first: int, last: int, call: Callable[[], Awaitable[T]]) -> T:
    """Ask the engine until it has room.

    Raises:
        FrameFailedError: the model failed on the frames from `first` to `last`.
    """
    while True:
        try:
            return await call()
        except EngineFullError:
            await asyncio.sleep(FULL_PAUSE_S)
        except StepFailedError as error:
            structlog.get_logger(__name__).error("video_step_failed", frame=first, exc_info=error)
            which = f"frame {first}" if first == last else f"one of the frames {first} to {last}"
            raise FrameFailedError(f"The model failed on {which}.") from error


class OnlineTracking:
    """Gives what streaming the same frames gives; implements `Tracking`.

    Args:
        engine: steps the model, live sessions first.
        session: name for the engine.
        options: what is wanted.
        max_tracks: bound on tracks, as for live sessions.
        every: frames from one memory to the next, or a few more.
    """

    def __init__(
        self, engine: Engine[Any], session: str, options: VideoOptions, max_tracks: int, every: int
    ) -> None:
        self._engine, self._session = engine, session
        self._options, self._max_tracks, self._every = options, max_tracks, every
        self._model: OnlineSegmenter[Any] = engine.model
        self._state: Any = None
        self._mentioned: frozenset[int] = frozenset()
        self._snapshot: bytes | None = None
        self.next_frame = 0

    @property
    def num_done(self) -> int:
        """See `Tracking`."""
        return self.next_frame

    def restore(self, num_done: int, stored: Memory) -> None:
        """See `Tracking`."""
        memory = read_memory(EPOCH, num_done, stored, self._model.fingerprint)
        if memory.snapshot is None:
            raise MemoryDamagedError("there is no tracker state")
        self._state = self._model.state_from_bytes(memory.snapshot)
        self._mentioned, self.next_frame = memory.mentioned, num_done

    def at_once(self, most: int) -> int:
        """See `Tracking`."""
        return most

    async def take(self, frames: Sequence[DecodedFrame]) -> Sequence[Line]:
        """See `Tracking`."""
        request, pixels = self._request(frames), [frame.pixels for frame in frames]
        first, last = frames[0].index, frames[-1].index
        results = await patiently(first, last, lambda: self._engine.submit_clip(request, pixels))
        self._state, self._mentioned = results[-1].state, results[-1].mentioned
        self._snapshot = results[-1].snapshot
        self.next_frame += len(frames)
        classes = self._model.config.classes
        return [
            partial(frame_line, frame.index, frame.time_s, result, classes)
            for frame, result in zip(frames, results, strict=True)
        ]

    def _request(self, frames: Sequence[DecodedFrame]) -> EngineRequest[Any]:
        options, after = self._options, self.next_frame + len(frames)
        score_min = self._model.config.online.report_score_min
        return EngineRequest(
            session=self._session,
            frame=frames[0].pixels,
            state=self._state,
            mentioned=self._mentioned,
            min_score=score_min if options.min_score is None else options.min_score,
            mask_scale=options.mask_scale,
            max_tracks=self._max_tracks,
            snapshot=after // self._every > self.next_frame // self._every,
        )

    async def finish(self) -> Sequence[Line]:
        """See `Tracking`: nothing is left."""
        return []

    def memory(self) -> Memory | None:
        """See `Tracking`."""
        if self._snapshot is None:
            return None
        return SessionMemory(
            epoch=EPOCH,
            sequence=self.next_frame,
            last_result=self.next_frame,
            epoch_began=True,
            mentioned=self._mentioned,
            snapshot=self._snapshot,
            fingerprint=self._model.fingerprint,
        ).to_parts()
