"""The progress of `maskstream run`, in a file beside its results, for another run to resume."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from maskstream_client.errors import OutputError, SourceError
from maskstream_client.videos.source_file import is_address
from maskstream_client.videos.video_options import Submission, VideoOptions

_NAME: Final = ".maskstream-run.json"


class ResumeFile:
    """Keeps the submission of one file to one server with one set of options.

    Raises:
        SourceError: there is no such file.
        OutputError: nothing can be written there.
    """

    def __init__(self, folder: Path, source: str | Path, url: str, options: VideoOptions) -> None:
        self._folder = folder
        self._path = folder / _NAME
        self._file = _file(source, url)
        self._options = options.to_json()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder} cannot be made: {error.strerror}.") from error

    def check_place(self, names: Sequence[str]) -> None:
        """Check that the folder holds nothing of another video.

        Raises:
            OutputError: it has files of these names, or the unfinished run of another video.
        """
        file, _, submission = self._kept()
        if submission == Submission(submission.key):  # nothing has begun here
            if there := [name for name in names if (self._folder / name).exists()]:
                raise OutputError(
                    f"{self._folder / there[0]} is there already: name another folder with --out, "
                    "or overwrite it with --force."
                )
        elif file["source"] != self._file["source"]:
            raise OutputError(
                f"{self._folder} has the unfinished run of {file['source']}: name another folder "
                "with --out, or abandon that run with --force."
            )

    def read(self) -> Submission:
        """How far an earlier run has come; a new submission where none has begun.

        Other options make another video, but an upload without one can be its file too.
        """
        file, options, submission = self._kept()
        if file != self._file:
            return Submission()
        if options == self._options:
            return submission
        return Submission(upload=None if submission.video else submission.upload)

    def _kept(self) -> tuple[dict[str, Any], dict[str, Any], Submission]:
        """File, options and submission of an earlier run; empty where there was none."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            file, options = dict(kept["file"]), dict(kept["options"])
            return {"source": None, **file}, options, Submission(**kept["submission"])
        except (OSError, ValueError, KeyError, TypeError):
            return {}, {}, Submission()

    def write(self, submission: Submission) -> None:
        """Save it.

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

    def forget_unbegun(self) -> None:
        """Leave no file behind where nothing has begun."""
        _, _, submission = self._kept()
        if submission == Submission(submission.key):
            self.forget()

    def forget(self) -> None:
        """The run is over."""
        self._path.unlink(missing_ok=True)


def _file(source: str | Path, url: str) -> dict[str, Any]:
    """What must be the same for another run to resume the upload."""
    if is_address(source):
        return {"url": url, "source": source}
    source = Path(source)
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
