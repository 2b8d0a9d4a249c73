"""Draws the masks that a model finds, for the report of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from maskstream_model.aliases import Bools, Frame
from maskstream_model.port import ClassInfo, Model
from maskstream_train.data.ytvis import InstanceReader
from maskstream_train.evaluation.evaluate import num_classes, stream

MAX_PICTURES = 4
MAX_SIDE = 480
"""Longer side of a drawn picture, in pixels."""
OPACITY = 0.5


def draw_predictions(
    model: Model[Any], reader: InstanceReader, folder: Path, name: str
) -> list[Path]:
    """Draw a model's masks on the first frames of a few videos; return the JPEGs `name-N.jpg`.

    Args:
        model: of own classes.
        reader: the first `MAX_PICTURES` of its videos are drawn.
        folder: created if missing.
        name: of the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    classes = (model.info.classes or ())[: num_classes(model.info)]
    paths = []
    for number in range(min(MAX_PICTURES, len(reader.videos))):
        frame = reader.read(number, [0]).frames[0]
        (found,) = stream(model, [frame])
        shown = found.scores >= (model.info.show_score_min or 0.0)
        labels = found.class_scores[shown].argmax(1).tolist() if shown.any() else []
        texts = [
            f"{classes[label].name} {score:.2f}"
            for label, score in zip(labels, found.scores[shown], strict=True)
        ]
        picture = overlaid(frame, found.masks[shown], [classes[label] for label in labels], texts)
        paths.append(folder / f"{name}-{number}.jpg")
        picture.save(paths[-1], quality=85)
    return paths


def overlaid(
    frame: Frame, masks: Bools, classes: Sequence[ClassInfo], texts: Sequence[str]
) -> Image.Image:
    """Return a frame `(h, w, 3)` with masks `(N, h, w)` in the colours of their classes."""
    mixed = frame.astype(np.float32)
    for mask, each in zip(masks, classes, strict=True):
        colour = np.array(ImageColor.getrgb(each.color), np.float32)
        mixed[mask] = (1 - OPACITY) * mixed[mask] + OPACITY * colour
    picture = Image.fromarray(mixed.astype(np.uint8))
    scale = MAX_SIDE / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    picture = picture.resize((width, height))
    pen = ImageDraw.Draw(picture)
    for mask, text in zip(masks, texts, strict=True):
        if mask.any():
            rows, columns = np.nonzero(mask)
            place = (float(columns.min() * scale), float(rows.min() * scale))
            pen.text(place, text, fill="white", stroke_width=2, stroke_fill="black")
    return picture
