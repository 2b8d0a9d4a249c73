"""A thread that reads what the engine has stepped, while the engine steps the next batch."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

import torch

Value = TypeVar("Value")


class Reader(Generic[Value]):
    """Reads and delivers values one after the other, in order, on a thread of its own.

    There are no more of them than live sessions, of which each waits for one frame.

    Args:
        clock: seconds that only grow.

    Attributes:
        busy_since_s: when the reading under way began, on the clock; None when idle.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._calls = SimpleQueue[tuple[Callable[[], Value], Callable[[Value], None]] | None]()
        self.busy_since_s: float | None = None
        self._thread: threading.Thread | None = None

    def start(self, num_threads: int) -> None:
        """Start the thread, with so many threads of torch."""
        # A daemon, as the engine's: a reading that hangs must not keep the process.
        self._thread = threading.Thread(
            target=self._run, args=(num_threads,), name="reader", daemon=True
        )
        self._thread.start()

    def put(self, read: Callable[[], Value], deliver: Callable[[Value], None]) -> None:
        """Have a value read, then delivered; neither may raise."""
        self._calls.put((read, deliver))

    def finish(self) -> None:
        """Wait until all values are delivered, and end the thread."""
        self._calls.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self, num_threads: int) -> None:
        torch.set_num_threads(num_threads)
        # Nothing is held here: the last frame of a quiet engine would stay in memory.
        while self._take_turn():
            pass

    def _take_turn(self) -> bool:
        """Read and deliver one value; False at the end."""
        calls = self._calls.get()
        if calls is None:
            return False
        read, deliver = calls
        self.busy_since_s = self._clock()
        value = read()
        self.busy_since_s = None
        deliver(value)
        return True
