"""Results as JSON: of a whole stream as YouTube-VIS has it, of one frame as a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from maskstream_client.result import Result, TrackedObject, coco_rle
from maskstream_protocol.records import Status


@dataclass
class _Track:
    """What is known of one track; class and score are those of its latest sighting."""

    class_id: int = 0
    label: str = ""
    score: float = 0.0
    best_score: float = 0.0
    masks: dict[int, dict[str, Any]] = field(default_factory=dict)


class ResultsCollector:
    """The tracks of one video.

    Args:
        about: what every entry says of the video beside its `video_id`, such as its `file_name`
            and `frame_rate`.
        video_id: names the video in every entry.
    """

    def __init__(self, about: Mapping[str, Any] | None = None, video_id: int = 1) -> None:
        self._video_id = video_id
        self._about = dict(about or {})
        self._num_frames = 0
        self._num_epochs = 0
        self._tracks: dict[tuple[int, int], _Track] = {}

    def add(self, result: Result) -> None:
        """Take the result of the next frame; a dropped frame has no mask of any track."""
        self._num_epochs += result.reset is not None
        for item in result.objects:
            if item.status is not Status.DISAPPEARED:
                self._note(item)
        self._num_frames += 1

    def _note(self, item: TrackedObject) -> None:
        """A missed track's mask is a guess and not part of the result."""
        if item.status is Status.MISSED:
            return
        track = self._tracks.setdefault((self._num_epochs, item.track_id), _Track())
        track.class_id, track.label, track.score = item.class_id, item.label, item.score
        track.best_score = max(track.best_score, item.score)
        if item.has_mask:
            track.masks[self._num_frames] = coco_rle(item.mask())

    def entries(self, show_min: float = 0.0) -> list[dict[str, Any]]:
        """One entry per track: `video_id`, `category_id` (class id + 1), `score`, `segmentations`.

        `segmentations` has a compressed COCO run-length mask or None for each frame. `track_id`,
        `label` (the name of the class) and what is known of the video are added to the form; ids
        start over after a reset. So is `visible`: whether its score reached `show_min` on any
        frame.
        """
        return [
            {
                "video_id": self._video_id,
                **self._about,
                "track_id": track_id,
                "category_id": track.class_id + 1,
                "label": track.label,
                "score": track.score,
                "visible": track.best_score >= show_min,
                "segmentations": [track.masks.get(each) for each in range(self._num_frames)],
            }
            for (_, track_id), track in sorted(self._tracks.items())
        ]


def result_line(result: Result, classes: Sequence[str] | None = None) -> dict[str, Any]:
    """One frame in the form of `/v1/videos/{id}/results`, with its epoch.

    A dropped frame has `frame` and `dropped` (the reason) alone; `events` are there where rules
    have found any.

    Args:
        result: of the frame.
        classes: names of the classes to mention; None: all.

    Raises:
        ValueError: the model has no class of one of the names.
    """
    known = [each.name for each in result.classes.values()]
    for name in classes or ():
        if known and name not in known:
            raise ValueError(f"There is no class {name!r}; the classes are: {', '.join(known)}.")
    if result.drop_reason is not None:
        return {"frame": result.frame_index, "dropped": result.drop_reason}
    line = {
        "frame": result.frame_index,
        "epoch": result.epoch,
        "time_s": result.pts_s,
        "size": list(result.frame_size),
        "objects": [
            _object(item) for item in result.objects if classes is None or item.label in classes
        ],
    }
    if result.events:
        line["events"] = [event.to_json() for event in result.events]
    return line


def _object(item: TrackedObject) -> dict[str, Any]:
    return {
        "track_id": item.track_id,
        "class_id": item.class_id,
        "label": item.label,
        "score": round(item.score, 4),
        "status": item.status.name.lower(),
        "age": item.age,
        "box": list(item.box),
        "area": item.area,
        "segmentation": coco_rle(item.mask()) if item.has_mask else None,
    }
