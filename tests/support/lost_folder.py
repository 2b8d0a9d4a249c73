"""A folder that is taken away from those who use it, in the ways in which that happens."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

WAYS = ("gone", "replaced", "read-only")


class LostFolder:
    """Takes a folder away, and brings it back with all that was in it."""

    def __init__(self, folder: Path, way: str) -> None:
        self.folder, self.way = folder, way
        self._back = ExitStack()

    def take_away(self) -> None:
        self._back.enter_context(self._away())

    def bring_back(self) -> None:
        self._back.close()

    @contextmanager
    def _away(self) -> Iterator[None]:
        if self.way == "read-only":
            with read_only(self.folder):
                yield
            return
        aside = self.folder.with_name("aside")
        self.folder.rename(aside)
        if self.way == "replaced":
            self.folder.write_text("no folder")
        yield
        self.folder.unlink(missing_ok=True)
        aside.rename(self.folder)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Mount a folder over itself, for reading only; skips where this process may not."""
    try:
        mounted = subprocess.run(["mount", "--bind", folder, folder], capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if mounted.returncode != 0:
        pytest.skip("only root may mount a folder for reading only")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
