"""`ytvis.json`: YouTube-VIS results, made from lines in bounded memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from maskstream_exports.track_spool import TrackSpool
from maskstream_exports.video_results import VideoResults, seen


@dataclass
class _Track:
    """One track; class and score are those of its latest sighting, `best_score` of them all."""

    class_id: int = 0
    label: str = ""
    score: float = 0.0
    best_score: float = 0.0


def write_ytvis(results: VideoResults, target: Path) -> None:
    """Write YouTube-VIS results: one entry per track, an RLE or null for each frame.

    `[{"video_id": 1, "file_name", "frame_rate", "track_id", "category_id" (class id + 1), "label"
    (name of the class), "score", "visible", "segmentations"}]`; visible is a track whose score
    reaches `show_min` on any frame, the frame rate has 3 digits behind the point. The mask of a
    missed track is a guess and not part of the result.
    """
    about = {
        "video_id": 1,
        "file_name": results.name,
        "frame_rate": round(results.frame_rate, 3),
    }
    with TrackSpool.beside(target) as masks, target.open("w") as out:
        tracks, num_frames = _collect(results, masks)
        out.write("[")
        for number, track_id in enumerate(sorted(tracks)):
            out.write(",\n" if number else "\n")
            head = {**about, **_of_track(track_id, tracks[track_id], results.show_min)}
            _write_entry(out, head, masks, num_frames)
        out.write("\n]\n")


def _collect(results: VideoResults, masks: TrackSpool) -> tuple[dict[int, _Track], int]:
    tracks: dict[int, _Track] = {}
    num_frames = 0
    for line in results.lines:
        for item in seen(json.loads(line)):
            track = tracks.setdefault(item["track_id"], _Track())
            track.class_id, track.label = item["class_id"], item["label"]
            track.score = item["score"]
            track.best_score = max(track.best_score, track.score)
            if item["segmentation"] is not None:
                masks.add(item["track_id"], num_frames, json.dumps(item["segmentation"]))
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


def _write_entry(out: IO[str], head: Mapping[str, Any], masks: TrackSpool, num_frames: int) -> None:
    out.write(json.dumps(head)[:-1] + ', "segmentations": [')
    written = 0
    for frame, text in masks.texts(head["track_id"]):
        out.write("null, " * (frame - written))
        out.write(text + ("" if frame + 1 == num_frames else ", "))
        written = frame + 1
    out.write(", ".join(["null"] * (num_frames - written)) + "]}")
