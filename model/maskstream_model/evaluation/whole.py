"""Files and folders that appear whole or not at all, however long they take to write."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from maskstream_model.errors import ConfigError


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Open a text file beside `path`, and move it into place when everything is written.

    Raises:
        ConfigError: nothing can be written there.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file")
    draft = _draft(path)
    try:
        with draft.open("w", encoding="utf-8") as file:
            yield file
        os.replace(draft, path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside `path`, and move it into place when everything is written.

    Raises:
        ConfigError: nothing can be written there, or something is there already.
    """
    if path.exists():
        raise ConfigError(f"{path} is there already; name a folder that is not")
    draft = _draft(path)
    try:
        draft.mkdir()
        yield draft
        os.replace(draft, path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")
