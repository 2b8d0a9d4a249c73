"""Results that are written atomically; whether they can be written is checked before the work."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from maskstream_model.atomic_writes import atomic_write
from maskstream_model.errors import ConfigError


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Open a text file beside `path`, and move it into place when everything is written.

    Raises:
        ConfigError: nothing can be written there.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file")
    try:
        with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside `path`, and move it into place when everything is written.

    Raises:
        ConfigError: nothing can be written there, or something is there already.
    """
    if path.exists():
        raise ConfigError(f"{path} is there already; name a folder that is not")
    try:
        with atomic_write(path) as temporary:
            temporary.mkdir()
            yield temporary
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error
