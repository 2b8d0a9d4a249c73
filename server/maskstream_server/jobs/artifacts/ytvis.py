"""`ytvis.json`: YouTube-VIS results, made from lines in bounded memory."""

import json
import tempfile
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from maskstream_server.jobs.artifacts.material import Lines, seen


@dataclass
class _Track:
    """One track; class and score are those of its latest sighting.

    Attributes:
        best_score: of all its sightings.
        masks: frame, offset, length for each mask in the spool.
    """

    class_id: int = 0
    label: str = ""
    score: float = 0.0
    best_score: float = 0.0
    masks: "array[int]" = field(default_factory=lambda: array("q"))


def write_ytvis(
    lines: Lines,
    target: Path,
    file_name: str = "",
    show_min: float = 0.0,
    frame_rate: float = 0.0,
) -> None:
    """Write YouTube-VIS results: one entry per track, an RLE or null for each frame.

    `[{"video_id": 1, "file_name", "frame_rate", "track_id", "category_id" (class id + 1), "label"
    (name of the class), "score", "visible", "segmentations"}]`; visible is a track whose score
    reaches `show_min` on any frame. The mask of a missed track is a guess and not part of the
    result. Masks wait in a temporary file for their track's turn, so that memory does not grow
    with them.

    Args:
        lines: of results.
        target: the file.
        file_name: of the video.
        show_min: score from which a track is shown.
        frame_rate: of the lines, in frames per second; written with 3 digits behind the point.
    """
    of_video = {"video_id": 1, "file_name": file_name, "frame_rate": round(frame_rate, 3)}
    with tempfile.TemporaryFile(dir=target.parent) as spool, target.open("w") as out:
        tracks, num_frames = _collect(lines, spool)
        out.write("[")
        for number, track_id in enumerate(sorted(tracks)):
            out.write(",\n" if number else "\n")
            head = {**of_video, **_of_track(track_id, tracks[track_id], show_min)}
            _write_entry(out, head, tracks[track_id], num_frames, spool)
        out.write("\n]\n")


def _collect(lines: Lines, spool: IO[bytes]) -> tuple[dict[int, _Track], int]:
    tracks: dict[int, _Track] = {}
    num_frames = 0
    for line in lines:
        for item in seen(json.loads(line)):
            track = tracks.setdefault(item["track_id"], _Track())
            track.class_id, track.label = item["class_id"], item["label"]
            track.score = item["score"]
            track.best_score = max(track.best_score, track.score)
            if item["segmentation"] is not None:
                text = json.dumps(item["segmentation"]).encode()
                track.masks.extend((num_frames, spool.tell(), len(text)))
                spool.write(text)
        num_frames += 1
    return tracks, num_frames


def _of_track(track_id: int, track: _Track, show_min: float) -> dict[str, Any]:
    return {
        "track_id": track_id,
        "category_id": track.class_id + 1,
        "label": track.label,
        "score": track.score,
        "visible": track.best_score >= show_min,
    }


def _write_entry(
    out: IO[str], head: Mapping[str, Any], track: _Track, num_frames: int, spool: IO[bytes]
) -> None:
    out.write(json.dumps(head)[:-1] + ', "segmentations": [')
    written = 0
    for frame, offset, length in zip(*(track.masks[start::3] for start in range(3)), strict=True):
        out.write("null, " * (frame - written))
        spool.seek(offset)
        out.write(spool.read(length).decode() + ("" if frame + 1 == num_frames else ", "))
        written = frame + 1
    out.write(", ".join(["null"] * (num_frames - written)) + "]}")
