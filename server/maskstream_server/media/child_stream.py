"""What a decoding child gives, item by item, and none of it trusted."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, Self, TypeVar

from maskstream_media.refusal import MediaCode
from maskstream_server.errors import MediaError
from maskstream_server.media.child_process import FAILED, ChildProcess
from maskstream_server.media.messages import MessageKind, decode_end

Item = TypeVar("Item")


class ChildStream(ABC, Generic[Item]):
    """What a child gives, item by item; a context manager, to be iterated once.

    Iterating raises MediaError where the file cannot be read further.
    """

    def __init__(self, child: ChildProcess) -> None:
        self._child = child
        self.warning: str | None = None

    def __iter__(self) -> Iterator[Item]:
        with distrust():
            kind, num_bytes = self._child.header()
            while kind != MessageKind.END:
                item = self._item(kind, num_bytes)
                if item is not None:
                    yield item
                kind, num_bytes = self._child.header()
            self.warning = decode_end(self._child.text(num_bytes))

    @abstractmethod
    def _item(self, kind: MessageKind, num_bytes: int) -> Item | None:
        """Read one message; None: nothing to hand on."""

    @property
    def pid(self) -> int:
        """Of the child process."""
        return self._child.pid

    def stop(self) -> None:
        """Make the iteration end in a MediaError at once; any thread may call this."""
        self._child.stop()

    def close(self) -> None:
        """End the child; the opener calls this, never while another thread iterates."""
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


@contextmanager
def distrust() -> Iterator[None]:
    """Take what no honest child would say for a decoder that a hostile video took over."""
    try:
        yield
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
        raise MediaError(MediaCode.DECODER_FAILED, FAILED) from error
