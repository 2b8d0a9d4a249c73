"""One thing that may happen later."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable


class Timer:
    """Calls something once after a time, unless it is stopped or started anew before."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether something is still to be called."""
        return self._handle is not None

    def start(self, after_s: float, call: Callable[[], None]) -> None:
        """Call `call` after so many seconds, and nothing that was to be called before."""
        self.stop()
        self._handle = self._loop.call_later(after_s, self._fire, call)

    def stop(self) -> None:
        """Call nothing."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self, call: Callable[[], None]) -> None:
        self._handle = None
        call()
