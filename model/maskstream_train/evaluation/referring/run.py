"""Runs a model that takes sentences over a benchmark, and writes what they name."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_model.aliases import Frame, Progress
from maskstream_model.errors import ConfigError
from maskstream_model.port import Crops, FrameResult, Model, Prompt, SessionOptions
from maskstream_model.video import segment_video
from maskstream_train.data.pictures import read_frame
from maskstream_train.data.referring import Ids, ReferringVideo
from maskstream_train.evaluation.referring.folders import (
    DAVIS,
    ReferringForm,
    num_annotators,
    object_pictures,
    sentence_pictures,
    write_ids,
)
from maskstream_train.evaluation.referring.score import ReferringScore, score_videos
from maskstream_train.evaluation.whole import whole_folder

WHITE = np.uint8(255)


def run_referring(
    model: Model[Any],
    videos: Sequence[ReferringVideo],
    form: ReferringForm,
    out: Path,
    progress: Progress,
) -> ReferringScore | None:
    """Write the results of all videos, and score them where there is a truth.

    Raises:
        DatasetError: a picture is missing or broken.
        ConfigError: the model takes no sentences, or the results cannot be written.
    """
    if model.info.prompts != "required":
        raise ConfigError(f"{model.info.name} takes no prompts: it cannot follow sentences")
    write = _write_objects if form == DAVIS else _write_sentences
    with whole_folder(out) as folder:
        for video in videos:
            for number, result in enumerate(_results(model, video)):
                write(folder, video, number, result)
                progress(1)
    if not all(video.annotated for video in videos):
        return None
    return score_videos(videos, out, form)


def _results(model: Model[Any], video: ReferringVideo) -> Iterator[FrameResult]:
    """Yield the results of a video for all its sentences, which do not change one another."""
    prompts = (Prompt(each.text, place) for place, each in enumerate(video.expressions))
    return segment_video(model, _frames(video), SessionOptions(tuple(prompts)))


def _frames(video: ReferringVideo) -> Iterator[Frame]:
    return (read_frame(video.info, number) for number in range(len(video.info.pictures)))


def _write_sentences(folder: Path, video: ReferringVideo, number: int, result: FrameResult) -> None:
    crops = _crops(result, video)
    masks = dict(zip(result.tracks.labels.tolist(), crops.whole(), strict=True))
    nothing = np.zeros(crops.size, bool)
    for place, each in enumerate(video.expressions):
        mask = masks.get(place, nothing)
        write_ids(sentence_pictures(folder, video, each)[number], mask * WHITE)


def _write_objects(folder: Path, video: ReferringVideo, number: int, result: FrameResult) -> None:
    crops = _crops(result, video)
    rows = {label: row for row, label in enumerate(result.tracks.labels.tolist())}
    for annotator in range(num_annotators(video)):
        places = {key: row[annotator] for key, row in video.by_object.items()}
        front = {int(key or 0): rows[place] for key, place in places.items() if place in rows}
        write_ids(object_pictures(folder, video, annotator)[number], front_ids(crops, front))


def _crops(result: FrameResult, video: ReferringVideo) -> Crops:
    rows = np.arange(len(result.tracks.labels))
    return result.masks.crops(rows, (video.info.height, video.info.width), with_logits=True)


def front_ids(crops: Crops, rows: Mapping[int, int]) -> Ids:
    """Return the ids of objects on a frame, `(height, width)`: where several are, of the surest.

    Args:
        crops: masks with their logits.
        rows: of the objects' masks, by id.
    """
    ids, best = np.zeros(crops.size, np.uint8), np.full(crops.size, -np.inf, np.float32)
    for number, row in sorted(rows.items()):
        left, top, right, bottom = crops.boxes[row]
        area = (slice(top, bottom), slice(left, right))
        logits = crops.logits[row] if crops.logits is not None else np.float32(0)
        wins = crops.bitmaps[row] & (logits > best[area])
        ids[area][wins] = number
        best[area] = np.where(wins, logits, best[area])
    return ids
