"""Clip-consistent augmentation: one draw for a clip, applied to all its frames (docs/model.md 6.3).

Drawing and doing are apart: `draw_transform` is the only place with random numbers, and the
transform that it returns says all that happens to pictures and masks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from maskstream_model.aliases import Bools, Size
from maskstream_model.tasks.preprocess import resized_size

Frames = npt.NDArray[np.uint8]
UNLIMITED = 1 << 30


@dataclass(frozen=True)
class Augmentation:
    """How clips are varied; lengths in pixels. The defaults are those of YouTube-VIS and OVIS.

    Attributes:
        short_sides: lengths that the shorter side is resized to, one is drawn.
        max_long_side: the longer side is at most this; the shorter one then gets less.
        crop_share: chance of a crop before that resize.
        crop_short_sides: lengths of the shorter side that is cropped from.
        crop_range: least and most length of each side of a crop.
        flip_share: chance that a clip is mirrored.
        rotation_deg: largest turn of the frames of a still picture, either way.
    """

    short_sides: tuple[int, ...] = (320, 352, 392, 416, 448, 480, 512, 544, 576, 608, 640)
    max_long_side: int = 768
    crop_share: float = 0.5
    crop_short_sides: tuple[int, ...] = (400, 500, 600)
    crop_range: Size = (384, 600)
    flip_share: float = 0.5
    rotation_deg: float = 15.0


@dataclass(frozen=True)
class Crop:
    """A resize and a window of what comes out; sizes are `(height, width)`."""

    before: Size
    top: int
    left: int
    size: Size


@dataclass(frozen=True)
class ClipTransform:
    """What is done to a clip, in this order.

    Attributes:
        crop: resize and cut out, or None.
        size: `(height, width)` of the result.
        mirrored: left and right are exchanged.
        angles: degrees by which each frame is turned anticlockwise about its centre; none where
            nothing turns.
    """

    crop: Crop | None
    size: Size
    mirrored: bool
    angles: tuple[float, ...] = ()


def draw_transform(
    settings: Augmentation, size: Size, still_frames: int, draw: np.random.Generator
) -> ClipTransform:
    """Draw what happens to a clip.

    Args:
        settings: shares and ranges.
        size: `(height, width)` of the clip.
        still_frames: number of frames of a clip made of one picture, which get turned; else 0.
        draw: random numbers of this clip.
    """
    crop = _draw_crop(settings, size, draw) if draw.random() < settings.crop_share else None
    short = settings.short_sides[int(draw.integers(len(settings.short_sides)))]
    height, width = size if crop is None else crop.size
    return ClipTransform(
        crop,
        resized_size(height, width, short, settings.max_long_side),
        bool(draw.random() < settings.flip_share),
        _draw_angles(settings.rotation_deg, still_frames, draw),
    )


def _draw_crop(settings: Augmentation, size: Size, draw: np.random.Generator) -> Crop:
    """Draw a window of each side between the bounds of `crop_range`, or of all there is."""
    short = settings.crop_short_sides[int(draw.integers(len(settings.crop_short_sides)))]
    before = resized_size(*size, short, UNLIMITED)
    least, most = settings.crop_range
    height, width = (
        int(draw.integers(min(side, least), min(side, most), endpoint=True)) for side in before
    )
    top, left = (
        int(draw.integers(whole - part, endpoint=True))
        for whole, part in zip(before, (height, width), strict=True)
    )
    return Crop(before, top, left, (height, width))


def _draw_angles(limit: float, count: int, draw: np.random.Generator) -> tuple[float, ...]:
    """Draw a slow turn: angles in order, one way or the other."""
    if count == 0 or limit == 0:
        return ()
    angles = np.sort(draw.uniform(-limit, limit, count))
    return tuple(float(angle) for angle in (angles if draw.random() < 0.5 else angles[::-1]))


def transform_clip(frames: Frames, masks: Bools, change: ClipTransform) -> tuple[Frames, Bools]:
    """Return frames `(T, h, w, 3)` and masks `(T, O, h, w)` after `change`.

    Pictures are resized with antialiasing, as a model is given them; masks take the nearest pixel.
    """
    if change.crop is not None:
        crop, (height, width) = change.crop, change.crop.size
        rows, columns = slice(crop.top, crop.top + height), slice(crop.left, crop.left + width)
        frames = _resize_frames(frames, crop.before)[:, rows, columns]
        masks = _resize_masks(masks, crop.before)[..., rows, columns]
    frames, masks = _resize_frames(frames, change.size), _resize_masks(masks, change.size)
    if change.mirrored:
        frames, masks = frames[:, :, ::-1], masks[..., ::-1]
    if change.angles:
        frames, masks = _turn(frames, masks, change.angles)
    return np.ascontiguousarray(frames), np.ascontiguousarray(masks)


def _resize_frames(frames: Frames, size: Size) -> Frames:
    if frames.shape[1:3] == size:
        return frames
    pictures = (Image.fromarray(np.ascontiguousarray(frame)) for frame in frames)
    wanted = size[::-1]
    return np.stack([np.asarray(one.resize(wanted, Image.Resampling.BILINEAR)) for one in pictures])


def _resize_masks(masks: Bools, size: Size) -> Bools:
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.int64)
        for new, old in zip(size, masks.shape[-2:], strict=True)
    )
    return masks[..., rows, :][..., columns]


def _turn(frames: Frames, masks: Bools, angles: Sequence[float]) -> tuple[Frames, Bools]:
    """Turn every frame by its angle; what comes in from outside is black and no object."""
    turned, truth = np.empty_like(frames), np.empty_like(masks)
    for number, angle in enumerate(angles):
        picture = Image.fromarray(np.ascontiguousarray(frames[number]))
        turned[number] = np.asarray(picture.rotate(angle, Image.Resampling.BILINEAR))
        for item, mask in enumerate(masks[number]):
            truth[number, item] = np.asarray(Image.fromarray(mask).rotate(angle))
    return turned, truth
