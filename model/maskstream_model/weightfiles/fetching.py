"""A published file on this machine, from a folder or over the network."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from maskstream_model.errors import DownloadError
from maskstream_model.releases import Release
from maskstream_model.weightfiles.addresses import (
    HUB_HOSTS,
    HUB_SCHEME,
    address_in,
    endpoint_of,
    hub_file,
    shown,
)
from maskstream_model.weightfiles.cache import VARIABLE
from maskstream_model.weightfiles.download import Retries, Wanted, download, size_of
from maskstream_model.weightfiles.expected_hashes import ExpectedHash, check
from maskstream_model.weightfiles.facts import Facts, facts_of_address, facts_of_hub
from maskstream_model.weightfiles.pull_observer import PullObserver
from maskstream_model.weightfiles.web import SILENCE_S, Web, new_client

LIMIT_BYTES = 16 << 30
"""Largest size of a file whose size is not known in advance."""
SPARE_BYTES = 256 << 20
"""Bytes that must stay free on the disk."""


@dataclass(frozen=True)
class Runtime:
    """What a pull takes from its surroundings; tests pass their own."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    sleep: Callable[[float], None] = time.sleep
    today: Callable[[], date] = date.today
    silence_s: float = SILENCE_S


@dataclass(frozen=True)
class Fetched:
    """A file on this machine.

    Attributes:
        path: of the file.
        origin: where it came from, for people.
        hashes: see `check`.
        is_ours: whether it was downloaded, and so may be removed.
    """

    path: Path
    origin: str
    hashes: Sequence[ExpectedHash]
    is_ours: bool


def from_folder(
    origin: Path,
    release: Release,
    hashes: Sequence[ExpectedHash],
    observer: PullObserver,
    work: Path,
) -> Fetched:
    """Use a file on this machine: in a folder, or named itself.

    Raises:
        DownloadError: it is missing or declined, or the disk is too full to convert it.
    """
    path = origin / release.file if origin.is_dir() else origin
    if not path.is_file():
        raise DownloadError(f"there is no {path}")
    size = size_of(path)
    observer.agree(release, size, str(path))
    _check_disk(work, size)
    return Fetched(path, str(path), hashes, is_ours=False)


def from_network(
    origin: str | None,
    release: Release,
    hashes: Sequence[ExpectedHash],
    observer: PullObserver,
    work: Path,
    runtime: Runtime,
) -> Fetched:
    """Download a file below the folder `work`, or continue a download that is there.

    Args:
        origin: address of a mirror; None: where the file is published.
        release: row of the catalogue.
        hashes: see `check`.
        observer: shows progress.
        work: folder of this file alone.
        runtime: environment and clocks.

    Raises:
        DownloadError: it cannot be fetched, is declined, or has another SHA-256 than it should.
    """
    retries = Retries(runtime.sleep, observer.say)
    with new_client(runtime.silence_s) as client:
        web, ask = _place(origin or release.source, release.file, client, runtime.environ)
        facts = retries.run(ask, attempts=3)
        host = shown(facts.address)
        if facts.sha256 is not None:
            check(facts.sha256, hashes, f"{release.file}, as {host} has it now,")
            hashes = [*hashes, ExpectedHash(facts.sha256, "the hub")]
        size = release.size if facts.size is None else facts.size
        if size is not None and size > LIMIT_BYTES:
            raise DownloadError(f"{release.file} at {host} would have {size} bytes: no model here")
        observer.agree(release, size, host)
        path = _begun(work, facts, release.file)
        part = path.with_name(f"{path.name}.part")
        _check_disk(work, 2 * (size or 0) - size_of(part))
        wanted = Wanted(facts.address, size, LIMIT_BYTES)
        download(web, wanted, part, observer.progress, retries)
    os.replace(part, path)
    return Fetched(path, host, hashes, is_ours=True)


def _place(
    source: str, file: str, client: httpx.Client, environ: Mapping[str, str]
) -> tuple[Web, Callable[[], Facts]]:
    """Return a web client for the file's host, and a function that requests the facts."""
    if source.startswith(HUB_SCHEME):
        hosted = hub_file(source, endpoint_of(environ))
        hub = Web(client, HUB_HOSTS, environ.get("HF_TOKEN"))
        return hub, lambda: facts_of_hub(hub, hosted)
    web = Web(client)
    return web, lambda: facts_of_address(web, address_in(source, file))


def _begun(work: Path, facts: Facts, file: str) -> Path:
    """Return the path of this version's download; those of other versions are removed."""
    version = hashlib.sha256(f"{facts.version} {facts.address}".encode()).hexdigest()[:16]
    for other in work.iterdir() if work.is_dir() else ():
        if other.name != version:
            shutil.rmtree(other, ignore_errors=True)
    folder = work / version
    folder.mkdir(parents=True, exist_ok=True)
    # A mirror may have the weights in another form, and readers go by the ending.
    return folder / Path(file).with_suffix(Path(urlsplit(facts.address).path).suffix)


def _check_disk(work: Path, num_bytes: int) -> None:
    work.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(work).free
    needed = num_bytes + SPARE_BYTES
    if free < needed:
        raise DownloadError(
            f"{work} has {free / 1e9:.2f} GB free on its disk, but {needed / 1e9:.2f} GB are "
            "needed for the file, for what it is converted to, and "
            f"{SPARE_BYTES / 1e9:.2f} GB to spare; {VARIABLE} names another folder"
        )
