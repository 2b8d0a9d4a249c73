"""Files of videos that outlive their machine in a bucket; the folder is for what is under way.

    {video}/source                     before the record says `queued`
    {video}/results-2.ndjson/00000120  lines from frame 120 on, before the record counts them
    {video}/ytvis.json                 before the record says `done`

So a record never says more than the bucket holds. Nothing can be appended to an object: a part of
the results (see `record.ResultPart`) is one object for each checkpoint; bytes beyond the part's do
not count. In the folder each claim of a video has a workplace of its own, which goes with it.
"""

import io
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

import structlog

from maskstream_server.errors import (
    FileGoneError,
    JobFailedError,
    StartError,
    StoreUnreachableError,
    UploadUnknownError,
)
from maskstream_server.jobs.records.ids import is_new_id
from maskstream_server.jobs.records.record import ResultPart, VideoRecord
from maskstream_server.jobs.storage.bucket import Bucket, BucketRefusedError, Stored
from maskstream_server.jobs.storage.files import (
    DATA,
    ORPHAN_S,
    OWNER,
    SOURCE,
    VideoFiles,
    newest_write_s,
)
from maskstream_server.jobs.storage.quarantine import BucketQuarantine
from maskstream_server.jobs.storage.remote import BLOCK_BYTES, RemoteFile

MAX_OWNER_BYTES: Final = 255
SIDE_BY_SIDE: Final = 32
"""Objects of results that are fetched at once."""
PIECE: Final = re.compile(r"[^/]+/[^/]+/([0-9]{8})")
Span = tuple[Stored, range]
"""An object of results, and which frames of it are wanted."""
UNKNOWN_S: Final = 3600.0
"""Objects without a record are left for so long: the storage dates them to the second only."""


class BucketFiles(VideoFiles):
    """Implements `VideoFiles` for servers and workers on different machines.

    Every method but those of uploads may raise `StoreUnreachableError`.
    """

    def __init__(
        self, root: Path, quota_bytes: int | None, min_free_bytes: int, bucket: Bucket
    ) -> None:
        super().__init__(root, quota_bytes, min_free_bytes)
        self._bucket = bucket
        self.quarantine = BucketQuarantine(bucket)

    def accept(self, upload: str | None, video: str) -> None:
        """See `VideoFiles.accept`; the upload stays until it is forgotten."""
        if upload is None:
            return
        try:
            self._bucket.put(self.incoming(upload) / DATA, f"{video}/{SOURCE}")
        except FileNotFoundError:
            raise UploadUnknownError(upload) from None

    def give_back(self, video: str, upload: str | None) -> None:
        """See `VideoFiles.give_back`; what cannot be removed now is an orphan."""
        with suppress(StoreUnreachableError):
            self.remove(video)

    def remove(self, video: str) -> None:
        """See `VideoFiles.remove`."""
        self._bucket.remove(self.folder(video).name)

    def videos(self) -> list[str]:
        """See `VideoFiles.videos`; what is in the bucket but has no name of ours is not."""
        return [name for name in self._bucket.folders() if is_new_id(name)]

    def strays(self, known: Collection[str]) -> list[str]:
        """See `VideoFiles.strays`; what is in quarantine is none any more."""
        unknown = set(self.videos()).difference(known, self.quarantine.videos())
        now_s = self._bucket.now_s() if unknown else 0.0
        return sorted(video for video in unknown if now_s - self._newest_s(video) > UNKNOWN_S)

    def owner(self) -> str | None:
        """See `VideoFiles.owner`: of the bucket, not of the folder."""
        try:
            return self._bucket.read(OWNER, 0, MAX_OWNER_BYTES).decode() or None
        except FileNotFoundError:
            return None

    def set_owner(self, identity: str) -> None:
        """See `VideoFiles.set_owner`."""
        self._bucket.write(OWNER, identity.encode())

    def workplace(self, record: VideoRecord) -> Path:
        """See `VideoFiles.workplace`."""
        return self.root / f"{record.id}-{record.fence}"

    def bring(self, record: VideoRecord) -> None:
        """See `VideoFiles.bring`.

        Raises:
            NoSpaceError: they have no space here.
        """
        self.check_space(record.num_bytes)
        folder = self.workplace(record)
        folder.mkdir(exist_ok=True)
        try:
            if record.num_bytes:  # else it has not been fetched
                self._fetch(f"{record.id}/{SOURCE}", folder / SOURCE)
            for part in record.parts:
                with (folder / part.name).open("wb") as file:
                    for text in self._read(self._pieces(record, part)):
                        file.write(text)
                    file.truncate(part.num_bytes)
        except FileNotFoundError as error:
            raise JobFailedError(
                "The files of the video are not in the bucket any more."
            ) from error

    def keep_source(self, record: VideoRecord) -> None:
        """See `VideoFiles.keep_source`."""
        self._bucket.put(self.workplace(record) / SOURCE, f"{record.id}/{SOURCE}")

    def keep_lines(self, record: VideoRecord, part: ResultPart) -> None:
        """See `VideoFiles.keep_lines`."""
        start = next((old.num_bytes for old in record.parts if old.name == part.name), 0)
        if part.num_bytes == start:
            return
        with (self.workplace(record) / part.name).open("rb") as file:
            file.seek(start)
            data = file.read(part.num_bytes - start)
        self._bucket.write(f"{record.id}/{part.name}/{record.next_frame:08d}", data)

    def keep_artifacts(self, record: VideoRecord) -> None:
        """See `VideoFiles.keep_artifacts`."""
        for name in record.options.artifacts:
            self._bucket.put(self.workplace(record) / name, f"{record.id}/{name}")

    def leave(self, record: VideoRecord) -> None:
        """See `VideoFiles.leave`."""
        shutil.rmtree(self.workplace(record), ignore_errors=True)

    def lines(self, record: VideoRecord, after: int) -> Iterator[bytes]:
        """See `VideoFiles.lines`; what is not asked for is not fetched."""
        ends = [*(part.first_frame for part in record.parts[1:]), record.next_frame]
        wanted: list[Span] = []
        try:
            for part, end in zip(record.parts, ends, strict=False):
                if end > after + 1:
                    wanted += _spans(self._pieces(record, part), range(after + 1, end))
        except FileNotFoundError:
            raise FileGoneError("results of the video") from None
        return self._lines(wanted)

    def artifact(self, record: VideoRecord, name: str) -> RemoteFile:
        """See `VideoFiles.artifact`."""
        try:
            return self._open(f"{record.id}/{name}")
        except FileNotFoundError:
            raise FileGoneError(f"the file {name!r}") from None

    def _open(self, name: str) -> RemoteFile:
        stored = self._bucket.find(name)
        read = partial(self._bucket.read, name)
        return RemoteFile(stored.num_bytes, stored.etag, stored.modified_s, read)

    def _fetch(self, name: str, target: Path) -> None:
        """Copy an object to this machine; continues where it broke off."""
        source = self._open(name)
        with target.open("ab") as file:
            for block in source.blocks(file.tell(), source.num_bytes):
                file.write(block)

    def _pieces(self, record: VideoRecord, part: ResultPart) -> list[Stored]:
        """Return the objects of a part, as far as they count.

        Raises:
            FileNotFoundError: not all of them are there.
        """
        pieces, left = [], part.num_bytes
        for piece in self._bucket.below(f"{record.id}/{part.name}"):
            if left > 0 and _first_frame(piece) >= 0:
                pieces.append(piece)
                left -= piece.num_bytes
        if left > 0:
            raise FileNotFoundError(f"{part.name} is shorter than its record says")
        return pieces

    def _read(self, pieces: Sequence[Stored]) -> Iterator[bytes]:
        """Yield what is in them, fetched side by side, but never much at a time."""
        together: list[Stored] = []
        for piece in pieces:
            together.append(piece)
            num_bytes = sum(item.num_bytes for item in together)
            if len(together) == SIDE_BY_SIDE or num_bytes >= BLOCK_BYTES:
                yield from self._bucket.read_all(together)
                together = []
        if together:
            yield from self._bucket.read_all(together)

    def _lines(self, wanted: Sequence[Span]) -> Iterator[bytes]:
        texts = self._read([piece for piece, _ in wanted])
        for (piece, frames), text in zip(wanted, texts, strict=True):
            first = _first_frame(piece)
            yield from islice(io.BytesIO(text), frames.start - first, frames.stop - first)

    def _newest_s(self, video: str) -> float:
        return max((item.modified_s for item in self._bucket.below(video)), default=0.0)

    def clear_workplaces(self, known: Mapping[str, int | None]) -> None:
        """See `VideoFiles.clear_workplaces`."""
        now_s = self.now_s()
        for folder in self.root.glob("*-*"):
            video, _, fence = folder.name.rpartition("-")
            living = video in known and str(known[video]) in ("None", fence)
            if not living and now_s - newest_write_s(folder) > ORPHAN_S:
                shutil.rmtree(folder, ignore_errors=True)


def open_bucket(address: str) -> Bucket:
    """Return the bucket of a deployment's videos; one that is away may come back.

    Raises:
        StartError: it does not exist, or the keys do not open it.
    """
    bucket = Bucket(f"{address}/videos")
    try:
        bucket.check()
    except BucketRefusedError as error:
        raise StartError(f"MASKSTREAM_BUCKET cannot be used: {error}") from error
    except StoreUnreachableError as error:
        structlog.get_logger(__name__).warning("store_away", reason=str(error))
    return bucket


def _spans(pieces: Sequence[Stored], frames: range) -> list[Span]:
    """Return which of the frames are in which of the pieces of a part."""
    firsts = [_first_frame(piece) for piece in pieces]
    return [
        (piece, range(max(first, frames.start), end))
        for piece, first, end in zip(pieces, firsts, [*firsts[1:], frames.stop], strict=False)
        if end > frames.start
    ]


def _first_frame(piece: Stored) -> int:
    """Return the frame that a piece of results begins with; negative for what is none of ours."""
    found = PIECE.fullmatch(piece.name)
    return -1 if found is None else int(found[1])
