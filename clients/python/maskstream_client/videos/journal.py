"""What `maskstream run` has done so far, in a file beside its results: another run goes on."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from maskstream_client.errors import OutputError, SourceError
from maskstream_client.videos.options import Submission, VideoOptions

_NAME: Final = ".maskstream-run.json"


class Journal:
    """Remembers the submission of one file to one server with one set of options.

    Args:
        folder: where it lies, made where it is not there.
        source: the video.
        url: of the server.
        options: what is wanted.

    Raises:
        SourceError: there is no such file.
        OutputError: nothing can be written there.
    """

    def __init__(self, folder: Path, source: Path, url: str, options: VideoOptions) -> None:
        self._path = folder / _NAME
        self._file = _file(source, url)
        self._options = options.to_json()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder} cannot be made: {error.strerror}.") from error

    def read(self) -> Submission:
        """How far an earlier run has come; a new submission where none has begun.

        Other options make another video, but an upload without one can be its file too.
        """
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            submission = Submission(**kept["submission"])
            if kept["file"] != self._file:
                return Submission()
            if kept["options"] == self._options:
                return submission
            return Submission(upload=None if submission.video else submission.upload)
        except (OSError, ValueError, KeyError, TypeError):
            return Submission()

    def write(self, submission: Submission) -> None:
        """Remember.

        Raises:
            OutputError: it cannot be written.
        """
        run = {"file": self._file, "options": self._options, "submission": asdict(submission)}
        draft = self._path.with_suffix(".draft")
        try:
            draft.write_text(json.dumps(run), encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}.") from error

    def forget(self) -> None:
        """The run is over."""
        self._path.unlink(missing_ok=True)


def _file(source: Path, url: str) -> dict[str, Any]:
    """What must be the same for another run to go on with the upload."""
    try:
        about = source.stat()
    except OSError as error:
        raise SourceError(f"{source} cannot be read: {error.strerror}.") from error
    return {
        "url": url,
        "source": str(source.resolve()),
        "bytes": about.st_size,
        "modified_ns": about.st_mtime_ns,
    }
