"""From the frames of a video to lines of results, on any model; the memory is a value."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import structlog

from maskstream_model.errors import PromptError
from maskstream_model.port import ClassInfo, Model, SessionOptions, StepInput
from maskstream_protocol.rule_events import RuleEvent
from maskstream_server.engine.engine import Engine
from maskstream_server.errors import EngineFullError, JobFailedError, StepFailedError
from maskstream_server.events.memory import NO_EVENTS
from maskstream_server.events.observation import Observation, observe
from maskstream_server.events.rules import NO_RULES, EventRules
from maskstream_server.events.stepping import step
from maskstream_server.jobs.processing.lines import frame_line
from maskstream_server.jobs.processing.part_writer import Line
from maskstream_server.jobs.records.store import Memory
from maskstream_server.media.decoder import DecodedFrame
from maskstream_server.session.memory import MemoryDamagedError, SessionMemory, read_memory
from maskstream_server.session.reporting import (
    ReportedFrame,
    ResultOptions,
    StepReport,
    StepReporter,
)

T = TypeVar("T")
FULL_PAUSE_S = 0.1
EPOCH = 1


class Tracking:
    """Makes the lines of one video, in order; it begins anew where a memory was kept.

    On the model of live sessions it gives what streaming the same frames gives.

    Args:
        engine: lends its thread, to live sessions first.
        model: steps the frames.
        session: name for the engine.
        wanted: of results.
        options: of the model.
        classes: names of labels.
        every: frames from one memory to the next, or a few more.
        rules: make events of results.

    Attributes:
        next_frame: the frame to take next, counting only those that are looked at.
        num_done: frames whose lines have been given.
    """

    def __init__(
        self,
        engine: Engine[Any],
        model: Model[Any],
        session: str,
        wanted: ResultOptions,
        options: SessionOptions,
        classes: Sequence[ClassInfo],
        every: int,
        rules: EventRules = NO_RULES,
    ) -> None:
        self._engine, self._model, self._session = engine, model, session
        self._wanted, self._options, self._classes = wanted, options, classes
        self._every, self._rules, self._events = every, rules, NO_EVENTS
        self._state: Any = None
        self._committed = 0
        self._mentioned: frozenset[int] = frozenset()
        self._memory: Memory | None = None
        # Frames that wait for their line: number in the file, and time.
        self._waiting: dict[int, tuple[int, float]] = {}
        self.next_frame = self.num_done = 0

    async def restore(self, num_done: int, stored: Memory) -> None:
        """Continue after `num_done` frames, from the memory that was stored with them.

        Raises:
            MemoryDamagedError: the memory cannot be read.
            StateError: it is another model's.
        """
        memory = read_memory(EPOCH, num_done, stored, self._model.info.fingerprint)
        if not memory.model_parts:
            raise MemoryDamagedError("there is no state of the model")
        if memory.last_result != num_done:
            raise MemoryDamagedError(f"there is none after frame {num_done}")
        read = partial(self._model.from_parts, memory.model_parts, self._options)
        call = partial(self._engine.call, self._session, read, live=False)
        self._state = await _when_free(call)
        self.next_frame = self._committed = self._model.committed(self._state)
        self._mentioned, self.num_done = memory.mentioned, num_done
        self._events = memory.events

    def at_once(self, height: int, width: int, most: int) -> int:
        """Return how many frames to take at a time, `most` or fewer.

        That it is the same wherever a worker continues makes the results the same.
        """
        return self._engine.clip_frames(self._model, height, width, most)

    async def take(self, frames: Sequence[DecodedFrame]) -> Sequence[Line]:
        """Take the next frames, at least one; return the lines that are final now.

        Raises:
            JobFailedError: the model failed on one of them, or does not accept the prompts.
            EngineStoppedError: the engine takes no frames now.
        """
        for number, frame in enumerate(frames, self.next_frame):
            if number >= self.num_done:
                self._waiting[number] = frame.index, frame.time_s
        pixels = [frame.pixels for frame in frames]
        report = await self._step(pixels, frames[0].index, frames[-1].index)
        self.next_frame += len(frames)
        return await self._lines(report)

    async def finish(self) -> Sequence[Line]:
        """Return the lines that are left after the last frame; raises what `take` does."""
        if self._state is None or not self._waiting:
            return []
        numbers = [index for index, _ in self._waiting.values()]
        return await self._lines(await self._step((), numbers[0], numbers[-1]))

    def memory(self) -> Memory | None:
        """Return what to continue from after the lines given; None: it cannot be had here."""
        memory, self._memory = self._memory, None
        return memory

    async def _step(self, pixels: Sequence[Any], first: int, last: int) -> StepReport:
        """Step frames, or flush, as soon as the engine has a place for them."""
        step = StepInput[Any](pixels, self._state, self._options)
        read = StepReporter(
            self._model,
            self._wanted,
            self._mentioned,
            self._committed,
            self._every,
            self.next_frame + len(pixels),
            self.num_done,
        )
        submit = partial(self._engine.submit_clip, self._session, self._model, step, read)
        try:
            report, _ = await _when_free(submit)
        except StepFailedError as error:
            if isinstance(error.__cause__, PromptError):
                sentence = f"The model refuses the prompts: {error.__cause__}."
                raise JobFailedError(sentence) from error
            log = structlog.get_logger(__name__)
            log.error("video_step_failed", frame=first, exc_info=error)
            which = f"frame {first}" if first == last else f"one of the frames {first} to {last}"
            raise JobFailedError(f"The model failed on {which}.") from error
        return report

    async def _lines(self, report: StepReport) -> list[Line]:
        """Continue from the result of a step; return the lines of the frames that are final."""
        self._state, self._mentioned = report.state, report.mentioned
        lines: list[Line] = []
        for frame in report.frames:
            index, time_s = self._waiting.pop(frame.index - 1)
            events = await self._step_rules(frame, time_s) if self._rules else ()
            lines.append(partial(frame_line, index, time_s, frame, self._classes, events))
        self.num_done += len(lines)
        if report.parts is not None:
            self._committed = report.committed
            self._memory = SessionMemory(
                epoch=EPOCH,
                sequence=self.num_done,
                last_result=self.num_done,
                epoch_began=True,
                mentioned=self._mentioned,
                model_parts=report.parts,
                fingerprint=self._model.info.fingerprint,
                rules=tuple(bound.rule for bound in self._rules.bound),
                events=self._events,
            ).to_parts()
        return lines

    async def _step_rules(self, frame: ReportedFrame, time_s: float) -> Sequence[RuleEvent]:
        """Return what the rules find on a frame, and remember it."""
        tracks = await asyncio.to_thread(observe, self._rules, frame.tracks, frame.crops)
        seen = Observation(frame.index, EPOCH, round(1e6 * time_s), tracks)
        events, self._events = step(self._rules, self._events, seen)
        return events


async def _when_free(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask the engine for something, as soon as it has a place for it."""
    while True:
        try:
            return await ask()
        except EngineFullError:
            await asyncio.sleep(FULL_PAUSE_S)
