"""The engine: one thread, one device, a bounded queue; frames of many sessions share a step."""

from typing import Generic, TypeVar

from maskstream_model.interface import OnlineSegmenter
from maskstream_server.engine_types import (
    EngineLimits,
    EngineObserver,
    EngineRequest,
    EngineResult,
)

State = TypeVar("State")


class Engine(Generic[State]):
    """Runs a model on its own thread; coroutines of one event loop await its results."""

    def __init__(
        self,
        model: OnlineSegmenter[State],
        limits: EngineLimits | None = None,
        observer: EngineObserver | None = None,
    ) -> None:
        raise NotImplementedError

    async def start(self) -> None:
        """Start the thread and warm up; returns when ready, raises what the warm-up raised."""
        raise NotImplementedError

    async def submit(self, request: EngineRequest[State]) -> EngineResult[State]:
        """Step one frame; cancelling the caller only drops the result.

        Raises:
            EngineFull: the queue is at its bound.
            EngineStopped: not started, stopping or stopped.
            StepFailed: the model failed on this frame.
        """
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """Whether frames are taken."""
        raise NotImplementedError

    @property
    def num_waiting(self) -> int:
        """Frames in the queue."""
        raise NotImplementedError

    def stalled_for_s(self) -> float:
        """Seconds that the step under way has been running; 0 when idle."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Take no more frames, finish those that wait, end the thread."""
        raise NotImplementedError
