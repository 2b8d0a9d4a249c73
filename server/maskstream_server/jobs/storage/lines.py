"""The lines of a video's results, read back from the files of its parts."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from maskstream_server.jobs.records.record import ResultPart

PIECE_BYTES = 64 << 10


def read_lines(folder: Path, parts: Sequence[ResultPart], after: int = -1) -> Iterator[bytes]:
    """Yield the lines after the one of number `after`, in order; what is not counted is left out.

    Raises:
        OSError: the files are gone.
    """
    ends = [*(part.first_frame for part in parts[1:]), None]
    for part, end in zip(parts, ends, strict=False):
        if end is not None and end <= after + 1:
            continue
        left, frame = part.num_bytes, part.first_frame
        with (folder / part.name).open("rb") as file:
            while left > 0 and (line := file.readline(left)):
                left -= len(line)
                if frame > after:
                    yield line
                frame += 1


def in_pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Join lines to pieces that are worth a trip to another thread."""
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
