"""Expected SHA-256 of a file: by the catalogue, a hub and the lock file."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from maskstream_model.errors import DownloadError
from maskstream_model.releases import Release
from maskstream_model.weightfiles.facts import is_sha256
from maskstream_model.weightfiles.lock_file import NAME, Trusted


@dataclass(frozen=True)
class ExpectedHash:
    """A SHA-256 that a file should have.

    Attributes:
        sha256: 64 hexadecimal digits, or the first of them.
        source: of the SHA-256, for people.
        advice: sentence on how to accept another file.
    """

    sha256: str
    source: str
    advice: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether all digits are known."""
        return is_sha256(self.sha256)


def expected_hashes_of(
    release: Release, before: Trusted | None, refresh: bool = False
) -> list[ExpectedHash]:
    """Return what is known without a request.

    Args:
        release: the row of the catalogue.
        before: entry of the lock file.
        refresh: accept a file that differs from its name and from `before`.
    """
    known = list[ExpectedHash]()
    if release.sha256:
        known.append(ExpectedHash(release.sha256, "the catalogue"))
    if refresh:
        return known
    if release.sha256_prefix:
        known.append(
            ExpectedHash(
                release.sha256_prefix,
                "its name, by its publisher's convention",
                " Maskstream has not seen this file: if the convention does not hold for it, "
                "--refresh accepts it.",
            )
        )
    if before is not None:
        known.append(
            ExpectedHash(
                before.sha256,
                f"{NAME} (pulled on {before.date} from {before.origin})",
                " If its publisher replaced it, --refresh accepts the new one.",
            )
        )
    return known


def check(sha256: str, hashes: Iterable[ExpectedHash], what: str) -> None:
    """Compare a SHA-256 with all that are expected.

    Raises:
        DownloadError: it differs from one of them; `what` begins the message.
    """
    for expected in hashes:
        if not sha256.startswith(expected.sha256):
            digits = expected.sha256 if expected.is_whole else f"{expected.sha256}..."
            raise DownloadError(
                f"{what} is not the right file: its SHA-256 is {sha256}, but {digits} by "
                f"{expected.source}; it is not used.{expected.advice}"
            )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
