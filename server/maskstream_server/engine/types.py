"""Inputs, outputs and limits of the engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from maskstream_model.aliases import Pause
from maskstream_model.port import Model, StepInput, StepOutput
from maskstream_server.errors import StepFailedError

State = TypeVar("State")
Value = TypeVar("Value")
USUAL_SIZE: Final = (360, 640)
"""Height and width of the frames that a model is warmed up and measured with."""


@dataclass(frozen=True)
class EngineLimits:
    """How the engine runs.

    Attributes:
        max_batch: frames of different sessions in one step; 1 where `deterministic`.
        max_waiting: requests in the queue; one more is `EngineFullError`.
        window_s: how long the oldest frame waits for company when the batch is not full.
        deterministic: batches of one, so that results are equal bit by bit from run to run.
        num_threads: torch's threads for the engine's thread; None: as many as help (`threads.py`).
        warm_up_sizes: (height, width) of frames that are stepped before the engine is ready.
        warm_up_batches: sizes of the batches of these.
        switch_s: how long another thread may keep the interpreter from the one of the engine,
            which lets go of it with every operation (decisions/0023).
    """

    max_batch: int = 8
    max_waiting: int = 256
    window_s: float = 0.002
    deterministic: bool = False
    num_threads: int | None = None
    warm_up_sizes: tuple[tuple[int, int], ...] = (USUAL_SIZE,)
    warm_up_batches: tuple[int, ...] = (1,)
    switch_s: float = 0.0005

    @property
    def batch(self) -> int:
        """Frames that a batch may hold."""
        return 1 if self.deterministic else self.max_batch


Read = Callable[[StepOutput[State], Pause], Value]
"""Makes what a caller needs of an output, on a thread of the engine; its pause is called now and
then where that takes long."""


@dataclass(frozen=True)
class StepRequest(Generic[State, Value]):
    """The next frames of one session; at most one request of a session is under way.

    Attributes:
        step: its frames, its state before them, None for a session that begins; without a frame
            the model is flushed.
        read: makes the value that the caller gets.
        live: of a live session; false for whole videos, which have lower priority.
    """

    session: str
    model: Model[State]
    step: StepInput[State]
    read: Read[State, Value]
    live: bool = True


@dataclass(frozen=True)
class CallRequest(Generic[Value]):
    """Work of the model beside its steps, for a session: prompts and memories are read.

    Attributes:
        call: returns what the caller gets.
        live: of a live session; false for whole videos, which have lower priority.
    """

    session: str
    call: Callable[[], Value]
    live: bool = True


@dataclass(frozen=True)
class StepTimes:
    """How long a request took, in seconds.

    Attributes:
        waiting_s: from `submit` to the start of its batch.
        inference_s: the model's step, the whole time of its batch.
        read_s: masks, boxes, and the state as bytes.
        batch_size: frames in its batch.
    """

    waiting_s: float
    inference_s: float
    read_s: float
    batch_size: int


Outcome = tuple[Any, StepTimes] | StepFailedError
"""The value of a request and its times, or why there is none."""


class EngineObserver(Protocol):
    """Is called by the engine, on threads of its own; must return at once."""

    def batch_done(self, size: int, inference_s: float, waiting_s: Sequence[float]) -> None:
        """Count a batch of `size` frames, and how long each of them had waited."""

    def step_failed(self, error: Exception) -> None:
        """Count a request on which the model raised, alone."""
