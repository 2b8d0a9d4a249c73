"""How long a lost connection is borne: pure, the time comes in."""

from __future__ import annotations

from maskstream_client.errors import ConnectionFailedError
from maskstream_client.options import RetryRules


class LostError(Exception):
    """An attempt that failed and may be made again; never leaves this package.

    Attributes:
        error: what to raise where it is not made again.
        retry_after_s: how long the server asks to wait.
    """

    def __init__(self, error: Exception, retry_after_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after_s = retry_after_s


class Patience:
    """Counts the failures in a row of one operation.

    A server that was not there from the beginning is not waited for.
    """

    def __init__(self, rules: RetryRules) -> None:
        self._rules = rules
        self._heard = False
        self._num_lost = 0
        self._lost_since_s: float | None = None

    def progressed(self) -> None:
        """Something was achieved."""
        self._num_lost = 0
        self.heard()

    def heard(self) -> None:
        """The server is there, though nothing was achieved yet."""
        self._heard = True
        self._lost_since_s = None

    def pause_s(self, lost: LostError, now_s: float) -> float:
        """How long to wait before the next attempt.

        Raises:
            ConnectionFailedError: there is none, after many.
            Exception: what the first attempt failed with.
        """
        if not self._heard:
            raise lost.error from None
        if self._lost_since_s is None:
            self._lost_since_s = now_s
        waited_s = now_s - self._lost_since_s
        if self._num_lost and waited_s >= self._rules.give_up_after_s:
            raise ConnectionFailedError(
                f"Given up after {waited_s:.0f} s: {lost.error}"
            ) from lost.error
        pause_s = max(self._rules.delay_s(self._num_lost), lost.retry_after_s)
        self._num_lost += 1
        return pause_s
