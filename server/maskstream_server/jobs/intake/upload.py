"""An uploaded form as it comes in: the file goes to the disk, never into memory."""

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from maskstream_server.errors import BadUploadError
from maskstream_server.jobs.intake.writing import BoundedWriter

FILE_PART, OPTIONS_PART = "file", "options"
MAX_OPTIONS_BYTES = 64 << 10
MAX_NAME_CHARACTERS = 255
BLOCK_BYTES = 1 << 20
BLOCK_S = 1.0


class UploadForm:
    """Takes the body of a `multipart/form-data` request apart; no I/O but `file.write`.

    Attributes:
        name: what the client calls the file.
        options: the part `options`, None where there was none.

    Raises:
        BadUploadError: the content type is no multipart form.
    """

    def __init__(self, content_type: str, file: BoundedWriter) -> None:
        kind, values = parse_options_header(content_type)
        boundary = values.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise BadUploadError("Send the video as multipart/form-data, in a part named 'file'.")
        self.name: str | None = None
        self.options: bytes | None = None
        self._file = file
        self._part: str | None = None
        self._header: tuple[bytearray, bytearray] = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": lambda data, start, end: self._header[0].extend(
                        data[start:end]
                    ),
                    "on_header_value": lambda data, start, end: self._header[1].extend(
                        data[start:end]
                    ),
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._take,
                    "on_end": self._end,
                },
            )
        except FormParserError:
            raise BadUploadError("The boundary of the form cannot be used.") from None

    def feed(self, block: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            BadUploadError: they are no such form.
            UploadTooLargeError: the file is larger than allowed.
            NoSpaceError: there is no space for it.
        """
        try:
            self._parser.write(block)
        except FormParserError:
            raise BadUploadError("The body is no multipart form.") from None

    def finish(self) -> str:
        """Check that everything has come; return the file's name.

        Raises:
            BadUploadError: the form has no end, or no file in it.
        """
        if not self._ended:
            raise BadUploadError("The upload ends in the middle of its form.")
        if self.name is None:
            raise BadUploadError("The form has no part named 'file'.")
        if self._file.num_bytes == 0:
            raise BadUploadError("The file is empty.")
        return self.name

    def _begin_part(self) -> None:
        self._headers = {}

    def _end_header(self) -> None:
        field, value = self._header
        self._headers[bytes(field).lower()] = bytes(value)
        self._header = bytearray(), bytearray()

    def _end_headers(self) -> None:
        _, values = parse_options_header(self._headers.get(b"content-disposition", b""))
        part = _text(values, b"name")
        if part == FILE_PART and self.name is None:
            self.name = _text(values, b"filename")[:MAX_NAME_CHARACTERS]
        elif part == OPTIONS_PART and self.options is None:
            self.options = b""
        else:
            raise BadUploadError(
                f"The form has a part {part[:50]!r}; 'file' and 'options' may come once each."
            )
        self._part = part

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._part == OPTIONS_PART:
            self.options = (self.options or b"") + data[start:end]
            if len(self.options) > MAX_OPTIONS_BYTES:
                raise BadUploadError(f"The options have more than {MAX_OPTIONS_BYTES} bytes.")
            return
        self._file.write(memoryview(data)[start:end])

    def _end(self) -> None:
        self._ended = True


def _text(values: Mapping[bytes, bytes], name: bytes) -> str:
    return values.get(name, b"").decode("utf-8", "replace")


async def in_blocks(
    chunks: AsyncIterable[bytes], clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[bytes]:
    """Gather chunks to blocks, so that each is worth a trip to another thread.

    What comes slowly is not held back until a block is full.
    """
    block, began_s = bytearray(), clock()
    async for chunk in chunks:
        block += chunk
        if len(block) >= BLOCK_BYTES or clock() - began_s >= BLOCK_S:
            yield bytes(block)
            block.clear()
            began_s = clock()
    yield bytes(block)
