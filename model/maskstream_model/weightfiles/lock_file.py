"""The lock file: the version of each published file at its first pull."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from filelock import FileLock

from maskstream_model.atomic_writes import atomic_write
from maskstream_model.errors import DownloadError
from maskstream_model.releases import Release
from maskstream_model.weightfiles.addresses import address_in, shown
from maskstream_model.weightfiles.facts import is_sha256

NAME = "weights.lock.json"


@dataclass(frozen=True)
class Trusted:
    """A version of a published file.

    Attributes:
        sha256: of the file.
        size: in bytes.
        origin: where it was pulled from.
        date: when, as YYYY-MM-DD.
    """

    sha256: str
    size: int
    origin: str
    date: str


def key_of(release: Release, origin: str | None) -> str:
    """Return the key under which the version of a file is recorded.

    A copy with the name of the published file must be the published version. A file of another
    name, such as the same weights in another form, has an entry of its own.

    Args:
        release: the row of the catalogue.
        origin: a folder, a file or an address to take the file from; None: where it is published.
    """
    if origin is None:
        return release.source
    if "://" in origin:
        place = shown(address_in(origin, release.file))
        name = unquote(place.rpartition("/")[2])
    else:
        path = Path(origin).absolute()
        place, name = str(path), release.file if path.is_dir() else path.name
    return release.source if name == release.file else place


def trusted(folder: Path, source: str) -> Trusted | None:
    """Return the version of a published file that was pulled here before.

    Raises:
        DownloadError: the lock file is damaged.
    """
    entry = _entries(folder).get(source)
    if entry is None:
        return None
    try:
        found = Trusted(**entry)
    except TypeError:
        raise _damaged(folder) from None
    if not is_sha256(found.sha256):
        raise _damaged(folder)
    return found


def trust(folder: Path, source: str, version: Trusted) -> None:
    """Record a version of a published file, in place of an older one.

    Raises:
        DownloadError: the lock file is damaged.
        OSError: it cannot be written.
    """
    path = folder / NAME
    with FileLock(folder / f".{NAME}.lock"):
        entries = {**_entries(folder), source: asdict(version)}
        with atomic_write(path) as draft:
            draft.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n")


def _entries(folder: Path) -> dict[str, Any]:
    path = folder / NAME
    if not path.exists():
        return {}
    try:
        entries = json.loads(path.read_text())
    except ValueError:
        raise _damaged(folder) from None
    if not isinstance(entries, dict):
        raise _damaged(folder)
    return entries


def _damaged(folder: Path) -> DownloadError:
    return DownloadError(
        f"{folder / NAME} is damaged; once it is removed, the next file of each name is trusted"
    )
