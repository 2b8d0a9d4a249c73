"""When a failed request is repeated: a policy without a clock of its own."""

from __future__ import annotations

from maskstream_client.errors import ConnectionFailedError
from maskstream_client.stream_options import RetryRules


class TransientError(Exception):
    """An attempt that failed and may be repeated; never leaves this package.

    Attributes:
        retry_after_s: the server's Retry-After; 0 without one.
    """

    def __init__(self, error: Exception, retry_after_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after_s = retry_after_s


class RetryPolicy:
    """Counts the failures in a row of one operation.

    Nothing is repeated before a first response: there may be no server at all.
    """

    def __init__(self, rules: RetryRules) -> None:
        self._rules = rules
        self._was_reached = False
        self._num_failures = 0
        self._failing_since_s: float | None = None

    def note_progress(self) -> None:
        """An attempt achieved something: count from zero."""
        self._num_failures = 0
        self.note_answer()

    def note_answer(self) -> None:
        """The server answered, whether or not that was progress."""
        self._was_reached = True
        self._failing_since_s = None

    def delay_s(self, failed: TransientError, now_s: float) -> float:
        """Return the seconds to wait before the next attempt.

        Raises:
            ConnectionFailedError: too many attempts or too much time.
            Exception: the error of the first attempt.
        """
        if not self._was_reached:
            raise failed.error from None
        if self._failing_since_s is None:
            self._failing_since_s = now_s
        waited_s = now_s - self._failing_since_s
        if self._num_failures and waited_s >= self._rules.give_up_after_s:
            raise ConnectionFailedError(
                f"Given up after {waited_s:.0f} s: {failed.error}"
            ) from failed.error
        delay_s = max(self._rules.delay_s(self._num_failures), failed.retry_after_s)
        self._num_failures += 1
        return delay_s
