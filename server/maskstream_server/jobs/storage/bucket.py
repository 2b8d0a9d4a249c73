"""A folder in S3-compatible storage, through fsspec: s3fs is imported here only.

Where the storage is, its region and its keys come from the environment that all programs of AWS
read: AWS_ENDPOINT_URL, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SHARED_CREDENTIALS_FILE, ...
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
from s3fs import S3FileSystem
from s3fs.core import S3_RETRYABLE_ERRORS

from maskstream_server.errors import NoSpaceError, StoreUnreachableError

PIECE_BYTES: Final = 8 << 20
"""Larger files go in pieces of this size, two at a time; memory holds no more."""
MAX_PIECES: Final = 10_000
TIMEOUTS: Final = {"connect_timeout": 5.0, "read_timeout": 30.0}
ATTEMPTS: Final = 2
"""What lasts longer is raised: callers know better how long to wait."""
ERRORS: Final = (OSError, ValueError, BotoCoreError, ClientError, *S3_RETRYABLE_ERRORS)
ON_THE_WAY: Final = (ConnectionError, HTTPClientError)
PROBE: Final = ".probe"
CLOCK: Final = ".clock"
FULL: Final = ("QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded")
BUCKET_FULL: Final = "The storage of the server is full; delete videos, or try later."


class BucketRefusedError(StoreUnreachableError):
    """An operator must act: no such bucket, no keys, or keys that are not allowed to do it."""


@dataclass(frozen=True)
class Stored:
    """An object.

    Attributes:
        etag: changes with its content.
        modified_s: Unix time, by the storage's clock.
    """

    name: str
    num_bytes: int
    etag: str
    modified_s: float


class Bucket:
    """The objects below a folder; an object appears whole, or not at all.

    Every call blocks, and may raise `StoreUnreachableError` with one sentence: the same call may
    work later.

    Args:
        address: `s3://bucket/folder`.
    """

    def __init__(self, address: str) -> None:
        self._root = address.removeprefix("s3://").strip("/")
        self._name = self._root.partition("/")[0]
        self._system: Any = S3FileSystem(
            skip_instance_cache=True,
            use_listings_cache=False,
            config_kwargs={**TIMEOUTS, "retries": {"max_attempts": ATTEMPTS, "mode": "standard"}},
        )
        self._system.retries = ATTEMPTS

    def check(self) -> None:
        """Check that something can be written, listed and removed; nothing is left of it."""
        self.write(PROBE, b"maskstream")
        self.folders()
        self.remove(PROBE)

    def now_s(self) -> float:
        """Return the Unix time by which the storage dates objects, to the second."""
        self.write(CLOCK, b"")
        return self.find(CLOCK).modified_s

    def put(self, source: Path, name: str) -> None:
        """Copy a file of this machine into it.

        Raises:
            FileNotFoundError: there is no such file.
            NoSpaceError: the storage is full.
        """
        piece = max(PIECE_BYTES, -(-source.stat().st_size // MAX_PIECES))
        with self._translated():
            self._system.put_file(source, self._path(name), chunksize=piece, max_concurrency=2)

    def write(self, name: str, data: bytes) -> None:
        """Make an object of bytes.

        Raises:
            NoSpaceError: the storage is full.
        """
        with self._translated():
            self._system.pipe_file(self._path(name), data)

    def read(self, name: str, start: int, stop: int) -> bytes:
        """Return some bytes of an object.

        Raises:
            FileNotFoundError: there is none.
        """
        with self._translated():
            data: bytes = self._system.cat_file(self._path(name), start=start, end=stop)
            return data

    def read_all(self, objects: Sequence[Stored]) -> list[bytes]:
        """Return what is in several small objects, fetched side by side.

        Raises:
            FileNotFoundError: there is none.
        """
        paths = [self._path(item.name) for item in objects]
        ends = [item.num_bytes for item in objects]
        with self._translated():
            data: list[bytes] = self._system.cat_ranges(
                paths, [0] * len(ends), ends, on_error="raise"
            )
            return data

    def find(self, name: str) -> Stored:
        """Return what is known of an object.

        Raises:
            FileNotFoundError: there is none.
        """
        with self._translated():
            return self._stored(self._system.info(self._path(name)))

    def below(self, folder: str) -> list[Stored]:
        """Return all objects below a folder, in the order of their names."""
        with self._translated():
            found = self._system.find(self._path(folder), detail=True)
        return [self._stored(found[path]) for path in sorted(found)]

    def folders(self) -> list[str]:
        """Return the names of all folders in it."""
        try:
            with self._translated():
                entries = self._system.ls(self._root, detail=True)
        except FileNotFoundError:  # nothing was ever written
            return []
        return [
            entry["name"].rpartition("/")[2] for entry in entries if entry["type"] == "directory"
        ]

    def remove(self, folder: str) -> None:
        """Remove all objects below a folder, or one object; what is gone is no error."""
        names = [item.name for item in self.below(folder)]
        if not names:
            return
        with self._translated():
            self._system.rm([self._path(name) for name in names])
        # What may not be removed stays, without an error.
        if set(names) & {item.name for item in self.below(folder)}:
            raise BucketRefusedError(f"objects in the bucket {self._name!r} cannot be removed.")

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _stored(self, entry: Any) -> Stored:
        name = entry["name"].removeprefix(f"{self._root}/")
        return Stored(name, entry["size"], entry["ETag"], entry["LastModified"].timestamp())

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn errors of the storage into ours."""
        try:
            yield
        except ERRORS as error:
            raise self._translate(error) from error

    def _translate(self, error: Exception) -> Exception:
        code = _code_of(error)
        if code in FULL:
            return NoSpaceError(BUCKET_FULL)
        if code == "NoSuchBucket":
            return BucketRefusedError(f"there is no bucket {self._name!r}.")
        if isinstance(error, PermissionError):
            return BucketRefusedError(f"the keys do not open the bucket {self._name!r}: {error}")
        if isinstance(error, BotoCoreError | ValueError) and not isinstance(error, ON_THE_WAY):
            what = f"the environment (AWS_...) does not lead to the bucket {self._name!r}"
            return BucketRefusedError(f"{what}: {error}")
        if isinstance(error, FileNotFoundError):
            return error
        return StoreUnreachableError(f"the bucket {self._name!r} cannot be reached: {error}")


def _code_of(error: Exception) -> str | None:
    """Return the storage's own code for an error, where it has one."""
    response = getattr(error.__cause__ or error, "response", None)
    return response["Error"].get("Code") if isinstance(response, dict) else None
