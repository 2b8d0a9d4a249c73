"""Files and folders that appear whole or not at all, however long they take to write."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` to write a file or folder under; at the end it becomes `path`.

    A file that was there is replaced at once. Where anything fails, `path` stays as it was and
    the draft goes.

    Raises:
        OSError: it cannot be moved into place, as onto a folder that is there.
    """
    # Named by hand: what `tempfile` makes is for its owner alone, whatever the umask says.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)
