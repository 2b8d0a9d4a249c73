"""How many errors of one kind in a row a connection bears (protocol.md section 7)."""

from maskstream_protocol.errors import WireError


class FaultRows:
    """Counts each error code's row; `WireError.repeat_limit` says where a row ends."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}

    def count(self, error: WireError) -> bool:
        """Count one more; True where it is the one that ends the connection."""
        row = self._rows.get(error.code, 0) + 1
        self._rows[error.code] = row
        return error.repeat_limit is not None and row >= error.repeat_limit

    def clear(self, *kinds: type[WireError]) -> None:
        """End the rows of these kinds: something good came in between."""
        for kind in kinds:
            self._rows.pop(kind.code, None)
