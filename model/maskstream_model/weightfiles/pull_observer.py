"""Interface that shows the progress of a pull, and confirms its download."""

from typing import Protocol

from maskstream_model.releases import Release


class PullObserver(Protocol):
    """What a pull needs of a terminal."""

    def say(self, sentence: str) -> None:
        """Show a sentence."""

    def agree(self, release: Release, size: int | None, origin: str) -> None:
        """Show what would be pulled, its size if known, and from where; confirm any caution.

        Raises:
            DownloadError: it is declined.
        """

    def progress(self, done: int, total: int | None) -> None:
        """Show the bytes downloaded so far, and the size if known."""
