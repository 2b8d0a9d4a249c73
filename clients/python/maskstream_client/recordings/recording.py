"""Reads recordings: files of sections, each a head, the memory before it, and a line a frame."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from maskstream_client.errors import SourceError
from maskstream_client.exports import check_formats, write_exports
from maskstream_client.recordings.head import Head, head_from
from maskstream_exports.video_results import VideoResults

Line = Mapping[str, Any]
"""Of a frame: `results_json.result_line`, and SHA-256 of its `pixels` and of what was `sent`."""


@dataclass(frozen=True)
class SectionStart:
    """Where a section begins: its head, and the model's memory, None where it had none yet."""

    head: Head
    state: bytes | None


class Recording:
    """A recording that can be read.

    Args:
        path: of the file.

    Attributes:
        head: of its first section.
        num_frames: how many frames it has.
        is_cut: whether it ends inside a line, which is not read.

    Raises:
        SourceError: it is no recording, or has no frame.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        first = next(self.parts(), None)
        if not isinstance(first, SectionStart):
            raise SourceError(f"{self.path} is no recording of Maskstream.")
        self.head = first.head
        self.num_frames = sum(not isinstance(part, SectionStart) for part in self.parts())
        if self.num_frames == 0:
            raise SourceError(f"{self.path} has no frames.")
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            self.is_cut = file.read(1) != b"\n"

    def parts(self) -> Iterator[SectionStart | Line]:
        """Yield the start of each section and the lines of its frames; what is cut off is not read.

        Raises:
            SourceError: it cannot be read.
        """
        head: Head | None = None
        try:
            for line in _objects(self.path):
                if "recording" in line:
                    head = head_from(line)
                elif "state" in line and head is not None:
                    state = None if line["state"] is None else base64.b64decode(line["state"])
                    yield SectionStart(head, state)
                elif "frame" in line and head is not None:
                    yield line
                else:
                    raise ValueError("it has other lines than those of a recording")
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{self.path} is no recording that can be read: {error}.") from error

    def frames(self) -> Iterator[Line]:
        """Yield the lines of all frames."""
        return (part for part in self.parts() if not isinstance(part, SectionStart))

    def results(self) -> VideoResults:
        """Return its results, as what files are made of.

        Dropped frames have no results. Ids start over with each epoch: later ones continue behind
        the largest before them.
        """
        sizes = (frame["size"] for frame in self.frames() if "size" in frame)
        height, width = next(sizes, (0, 0))
        return VideoResults(
            lines=self._lines(),
            name=self.head.file_name,
            size=(height, width),
            frame_rate=self.head.frame_rate,
            classes=self.head.classes,
            show_min=self.head.show_min,
        )

    def export(self, folder: str | Path, names: Sequence[str]) -> Sequence[Path]:
        """Make files of its results, in any form of docs/exports.md.

        Args:
            folder: where they go; made where it is not there.
            names: of the files, such as `coco.json`.

        Raises:
            OutputError: a file cannot be written.
            ValueError: there is no such form.
        """
        check_formats(names, self.head.task)
        return write_exports(self.results, names, folder)

    def _lines(self) -> Iterator[bytes]:
        epoch, base, largest = None, 0, 0
        for frame in self.frames():
            if "dropped" in frame:
                continue
            if frame["epoch"] != epoch:
                epoch, base = frame["epoch"], largest
            objects = [{**item, "track_id": base + item["track_id"]} for item in frame["objects"]]
            largest = max(chain([largest], (item["track_id"] for item in objects)))
            line = {name: frame[name] for name in ("frame", "time_s", "size")}
            if "events" in frame:
                line["events"] = [_shifted(event, base) for event in frame["events"]]
            yield json.dumps(line | {"objects": objects}, separators=(",", ":")).encode() + b"\n"


def _shifted(event: Line, base: int) -> dict[str, Any]:
    """An event whose track, where it has one, is counted behind those of earlier epochs."""
    return {**event, **({"track_id": base + event["track_id"]} if "track_id" in event else {})}


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file as JSON objects; a last one that was cut off is left out."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):  # also bytes that are no text
                value = None
            if not isinstance(value, dict):
                raise ValueError("it has other lines than JSON objects")
            yield value
