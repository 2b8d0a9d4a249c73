"""Atomic writes of files and folders: complete or absent, however long they take to write."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write a file or folder to, then rename it to `path`.

    A file at `path` is replaced atomically. On any failure `path` stays as it was and the
    temporary file or folder is removed.

    Raises:
        OSError: it cannot be renamed, as onto a folder that exists.
    """
    # Not `tempfile`: its files are readable by their owner only, whatever the umask is.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
