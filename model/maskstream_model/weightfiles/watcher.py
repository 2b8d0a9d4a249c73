"""Who is shown what a pull does, and asked before it downloads."""

from typing import Protocol

from maskstream_model.releases import Release


class Watcher(Protocol):
    """What a pull needs of a terminal, or of what stands in for one."""

    def say(self, sentence: str) -> None:
        """Show a sentence."""

    def agree(self, release: Release, size: int | None, origin: str) -> None:
        """Show what would be pulled, its bytes where they are known, and from where.

        Raises:
            DownloadError: it is not wanted.
        """

    def progress(self, done: int, total: int | None) -> None:
        """Show how many bytes are there, and how many there will be where that is known."""
