"""Outputs of a model, made by hand: masks are given pixel by pixel of the grid."""

from collections.abc import Sequence

import torch

from maskstream_model.config import ClassInfo, ModelConfig
from maskstream_model.port import TrackStatus
from maskstream_model.tasks.output import FrameOutput

CERTAIN = 12.0
"""A logit whose probability is 1 but for rounding."""
CAR, PERSON, SKY, ROAD, NOTHING = range(5)


def scene_config(**online: object) -> ModelConfig:
    """Two things, car and person, then two kinds of stuff, sky and road."""
    names = ("car", "person", "sky", "road")
    classes = tuple(
        ClassInfo(name, f"#{index + 1:06x}", thing=index < SKY) for index, name in enumerate(names)
    )
    rules = ModelConfig("scene", classes).online.override(**online)
    return ModelConfig("scene", classes, online=rules, task="panoptic")


def scene(
    tracks: dict[int, tuple[int, Sequence[str]]],
    status: dict[int, TrackStatus] | None = None,
    sure: dict[int, float] | None = None,
) -> FrameOutput:
    """A frame whose tracks have a class and a mask, drawn in rows of `#` and `.` by grid cell.

    Args:
        tracks: by id.
        status: of tracks that are not simply tracked.
        sure: logit of the class of tracks that are not certain; that of every other class is 0.
    """
    ids = torch.tensor(list(tracks), dtype=torch.int64)
    status, sure = status or {}, sure or {}
    logits = torch.zeros(len(tracks), NOTHING + 1)
    masks = []
    for row, (track, (label, drawn)) in enumerate(tracks.items()):
        logits[row, label] = sure.get(track, CERTAIN)
        masks.append([[CERTAIN if cell == "#" else -CERTAIN for cell in line] for line in drawn])
    grid = torch.tensor(masks) if tracks else torch.zeros(0, 8, 8)
    size = (4 * grid.shape[1], 4 * grid.shape[2])
    statuses = [int(status.get(track, TrackStatus.TRACKED)) for track in tracks]
    return FrameOutput(
        track_ids=ids,
        status=torch.tensor(statuses, dtype=torch.int64),
        logits=logits,
        mean_logits=logits,
        mask_logits=grid,
        scores=logits.softmax(-1)[:, :-1].amax(-1),
        labels=logits[:, :-1].argmax(-1),
        ages=torch.full((len(tracks),), 9),
        resized=size,
        padded=size,
    )
