"""How many errors of one kind in a row a connection bears (docs/protocol.md 7)."""

from maskstream_protocol.errors import (
    BadMessageError,
    FrameHeaderError,
    SequenceGapError,
    StaleEpochError,
    WireError,
)


class FaultRows:
    """Counts each error code's row; `WireError.repeat_limit` says where a row ends.

    Args:
        num_in_flight: frames that a client may have sent before it learns of one that was ignored:
            each of them is out of place too, which is not one more fault. After several resets
            it may have sent as many in each epoch that has ended, since ignored ones cost nothing.
    """

    def __init__(self, num_in_flight: int) -> None:
        self._num_in_flight = num_in_flight
        self._rows: dict[str, int] = {}
        self._newest_epoch = 0

    def frame(self, epoch: int, current: int) -> None:
        """Take note of a frame whose header can be read, before its place is checked."""
        self.clear(BadMessageError, FrameHeaderError)
        if self._newest_epoch < epoch <= current:
            self._newest_epoch = epoch
            self.clear(StaleEpochError)

    def count(self, error: WireError) -> int | None:
        """Count one more; returns the close code where it is the one that ends the connection."""
        row = self._rows.get(error.code, 0) + 1
        self._rows[error.code] = row
        limit = error.repeat_limit
        if limit is not None and isinstance(error, SequenceGapError | StaleEpochError):
            limit = max(limit, self._num_in_flight + 1)
        if limit is None or row < limit:
            return None
        return error.repeat_code or error.close_code

    def clear(self, *kinds: type[WireError]) -> None:
        """End the rows of these kinds: something good came in between."""
        for kind in kinds:
            self._rows.pop(kind.code, None)
