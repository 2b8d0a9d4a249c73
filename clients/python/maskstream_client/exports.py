"""Writes results in the forms of other tools (docs/exports.md), as the server does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from maskstream_client.errors import MaskstreamError, OutputError
from maskstream_exports.formats import FORMATS
from maskstream_exports.video_results import VideoResults

ResultsOf = Callable[[], VideoResults]
"""Gives the results of one video, with lines that are read anew."""


def check_formats(names: Sequence[str], task: str) -> None:
    """Check what is asked for.

    Args:
        names: of files.
        task: of the model.

    Raises:
        ValueError: there is no such form, or not for such a model.
    """
    if not names:
        raise ValueError(f"Name the files to make, of: {', '.join(FORMATS)}.")
    for name in names:
        if name not in FORMATS:
            raise ValueError(f"There is no form {name!r}; known: {', '.join(FORMATS)}.")
    if "panoptic.zip" in names and task != "panoptic":
        raise ValueError("A 'panoptic.zip' is made of the results of a panoptic model alone.")


def write_exports(
    results_of: ResultsOf, names: Sequence[str], folder: str | Path
) -> Sequence[Path]:
    """Write files of results; each is whole under its name, or not there.

    Args:
        results_of: gives the results of a video.
        names: of the files.
        folder: where they go; made where it is not there.

    Raises:
        OutputError: one cannot be written, or a value does not fit into it.
        MaskstreamError: a package for it is not installed.
    """
    paths = [Path(folder) / name for name in names]
    for path in paths:
        with _drafted(path) as draft:
            FORMATS[path.name](results_of(), draft)
    return paths


@contextmanager
def _drafted(path: Path) -> Iterator[Path]:
    """A place to write a file at, which becomes it when all is written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".maskstream-", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            yield draft
            draft.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error
    except OverflowError as error:
        raise OutputError(f"{path} cannot be written: {error}.") from error
    except ModuleNotFoundError as error:
        needed = f"{path.name} needs {error.name}: pip install {error.name}."
        raise MaskstreamError(needed) from error
