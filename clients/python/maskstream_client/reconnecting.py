"""When and where a lost connection is made again: a policy without a clock of its own."""

from __future__ import annotations

from maskstream_client.addresses import Addresses
from maskstream_client.connection_errors import can_resume, failure, sentence
from maskstream_client.errors import ConnectionFailedError
from maskstream_client.events import ConnectionLost
from maskstream_client.stream_options import RetryRules
from maskstream_protocol.errors import ServerFullError, WireError


class ReconnectPolicy:
    """Counts the attempts at one lasting connection; times are seconds that only grow.

    Args:
        addresses: of the servers; each attempt after a lost connection takes the next one.
        retry: see `RetryRules`.
        now_s: the time is counted from here.

    Attributes:
        was_accepted: whether a server ever accepted the client; without that only those are asked
            again that said when to try.
    """

    def __init__(self, addresses: Addresses, retry: RetryRules, now_s: float) -> None:
        self._addresses = addresses
        self._retry = retry
        self._num_attempts = 0
        self._progress_at_s = now_s
        self._accepted_at_s: float | None = None
        self.was_accepted = False

    def note_accepted(self, now_s: float) -> None:
        """A server accepted the client."""
        self.was_accepted = True
        self._accepted_at_s = now_s

    def note_progress(self, now_s: float) -> None:
        """The connection made progress: count from zero."""
        self._num_attempts = 0
        self._progress_at_s = now_s

    def lost(self, error: Exception, refused: WireError | None, now_s: float) -> ConnectionLost:
        """Return how long to wait before the next attempt, and why; `Addresses` has turned.

        Args:
            error: what ended the connection, or an attempt at one.
            refused: what the server said before, if anything.
            now_s: the time.

        Raises:
            WireError, ConnectionFailedError, ProtocolError: there is no next attempt.
        """
        self._reset_after_uptime(now_s)
        url, num_urls = self._addresses.shown, len(self._addresses)
        if self._num_attempts == 0:
            self._progress_at_s = now_s
        waited_s = now_s - self._progress_at_s
        gives_up = waited_s >= self._retry.give_up_after_s
        waits = not self.was_accepted and self.is_invited(refused) and not gives_up
        is_last = not self.was_accepted and not waits and self._num_attempts + 1 >= num_urls
        if is_last or not can_resume(error):
            raise failure(error, refused, url) from error
        if self._num_attempts >= num_urls and gives_up:
            raise ConnectionFailedError(
                f"The connection was lost and did not come back within {waited_s:.0f} s: "
                f"{sentence(error, url)}"
            ) from error
        delay_s = self._delay_s(num_urls, refused)
        self._num_attempts += 1
        self._addresses.turn()
        return ConnectionLost(str(refused) if waits else sentence(error, url), delay_s)

    @staticmethod
    def is_invited(refused: WireError | None) -> bool:
        """Whether a server has said when to try again, as one that warms up does."""
        return isinstance(refused, ServerFullError) and refused.retry_after_ms is not None

    def _reset_after_uptime(self, now_s: float) -> None:
        """A connection that lasted counts as progress, even if nothing was sent over it."""
        began_s, self._accepted_at_s = self._accepted_at_s, None
        if began_s is not None and now_s - began_s > self._retry.max_delay_s:
            self.note_progress(now_s)

    def _delay_s(self, num_urls: int, refused: WireError | None) -> float:
        """Nothing within a round of all servers; between two, as the rules or a full server say."""
        num_rounds, in_round = divmod(self._num_attempts, num_urls)
        delay_s = self._retry.delay_s(num_rounds) if in_round == 0 else 0.0
        asked_all = in_round == num_urls - 1
        if asked_all and isinstance(refused, ServerFullError):
            delay_s = max(delay_s, (refused.retry_after_ms or 0) / 1000)
        return delay_s
