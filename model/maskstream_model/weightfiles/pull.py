"""From the catalogue to converted weights in the cache (decision 0071)."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from maskstream_model.atomic_writes import atomic_write
from maskstream_model.errors import CheckpointError, ConfigError, DownloadError
from maskstream_model.families import release_of
from maskstream_model.releases import Release
from maskstream_model.weightfiles.cache import VARIABLE, cache_folder, cached_file
from maskstream_model.weightfiles.conversion import convert
from maskstream_model.weightfiles.expected_hashes import check, expected_hashes_of, sha256_of
from maskstream_model.weightfiles.fetching import Fetched, Runtime, from_folder, from_network
from maskstream_model.weightfiles.lock_file import Trusted, key_of, trust, trusted
from maskstream_model.weightfiles.pull_observer import PullObserver

WORK = ".pulling"


@dataclass(frozen=True)
class Pulled:
    """Result of a pull.

    Attributes:
        path: of the converted file.
        fingerprint: of the model that loads it; None where the file was there already.
    """

    path: Path
    fingerprint: str | None = None


def pull(
    preset: str,
    observer: PullObserver,
    origin: str | None = None,
    refresh: bool = False,
    runtime: Runtime | None = None,
) -> Pulled:
    """Put the published weights of a preset into the cache.

    Args:
        preset: which model.
        observer: shows progress, and confirms the download.
        origin: a folder, a file or an https address to take the file from; None: where it is
            published.
        refresh: pull it again, and accept another file than was pulled before.
        runtime: None: this process's own.

    Raises:
        ConfigError: an unknown preset, or nothing is published for it.
        DownloadError: it cannot be fetched, or has another SHA-256 than it should.
        CheckpointError: it does not fit the preset.
    """
    release = release_of(preset)
    if release is None:
        raise ConfigError(
            f"nothing is published for {preset} at an address; `maskstream weights list` says who "
            "publishes it, or that nothing is needed"
        )
    runtime = runtime or Runtime()
    folder = cache_folder(runtime.environ)
    target = cached_file(preset, folder)
    if release.by_hand:
        release = _by_hand(release, origin)
    if target.is_file() and not refresh:
        return Pulled(target)
    with _writable(folder), _alone(folder, preset, observer):
        # Another process may have pulled it in the meantime.
        if target.is_file() and not refresh:
            return Pulled(target)
        return _pull(release, target, observer, origin, refresh, runtime)


def _pull(
    release: Release,
    target: Path,
    observer: PullObserver,
    origin: str | None,
    refresh: bool,
    runtime: Runtime,
) -> Pulled:
    folder = target.parent
    work = folder / WORK / release.preset
    key = key_of(release, origin)
    hashes = expected_hashes_of(release, trusted(folder, key), refresh)
    if origin is not None and "://" not in origin:
        fetched = from_folder(Path(origin), release, hashes, observer, work)
    else:
        fetched = from_network(origin, release, hashes, observer, work, runtime)
    size = fetched.path.stat().st_size
    observer.say(f"Checking and converting {release.file} ({size / 1e6:.0f} MB).")
    digest = sha256_of(fetched.path)
    try:
        check(digest, fetched.hashes, f"{release.file} from {fetched.origin}")
        fingerprint = _convert(fetched, release, work, target)
    except (CheckpointError, DownloadError):
        if fetched.is_ours:
            fetched.path.unlink(missing_ok=True)
        raise
    version = Trusted(digest, size, fetched.origin, runtime.today().isoformat())
    trust(folder, key, version)
    if not any(expected.is_whole for expected in fetched.hashes):
        observer.say(
            f"Nobody publishes a whole SHA-256 of {release.file}: that of this file was recorded, "
            "and another file of its name will be refused."
        )
    _take_along(release, fetched.path.parent, folder, observer)
    shutil.rmtree(work, ignore_errors=True)
    return Pulled(target, fingerprint)


def _convert(fetched: Fetched, release: Release, work: Path, target: Path) -> str:
    """Convert a file outside the cache, whose files are always complete."""
    converted = work / target.name
    try:
        _, fingerprint = convert(fetched.path, converted, release.preset)
    except CheckpointError as error:
        where = f"{release.file} from {fetched.origin}"
        raise CheckpointError(f"{where} cannot be used: {error}") from None
    os.replace(converted, target)
    return fingerprint


def _by_hand(release: Release, origin: str | None) -> Release:
    """Return the row with the name of the file that its user has downloaded.

    Raises:
        DownloadError: no file is named.
    """
    if origin is None or Path(origin).is_dir():
        raise DownloadError(
            f"the weights of {release.preset} are published for download by hand: "
            f"`maskstream weights pull {release.preset} --from FILE` takes the downloaded file "
            f"(publisher: {release.publisher})"
        )
    return replace(release, source=f"{release.preset}/{Path(origin).name}")


def _take_along(release: Release, origin: Path, folder: Path, observer: PullObserver) -> None:
    """Copy further files of a preset from beside its weights into the cache, where they are."""
    for companion in release.companions:
        places = (origin / companion, origin / Path(companion).name)
        found = next((place for place in places if place.is_file()), None)
        if found is not None:
            (folder / companion).parent.mkdir(exist_ok=True)
            with atomic_write(folder / companion) as temporary:
                shutil.copyfile(found, temporary)
            observer.say(f"Took {found.name} along.")


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        where, why = error.filename or folder, error.strerror or error
        raise DownloadError(
            f"{where} cannot be used: {why}; {VARIABLE} names another folder for weights"
        ) from error


@contextmanager
def _alone(folder: Path, preset: str, observer: PullObserver) -> Iterator[None]:
    lock = FileLock(folder / f".{preset}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        observer.say(f"Another process is pulling {preset}; this one waits for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
