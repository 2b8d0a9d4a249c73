"""Draws clips of packed pictures: of a still by a moving window, of a video by its own frames.

Places that nobody marked stay unknown, also where a window leaves too little of an object.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from maskstream_model.aliases import Floats, Size
from maskstream_train.data.lookalikes import Lookalikes
from maskstream_train.data.packed import KNOWN, UNKNOWN, PackedPictures
from maskstream_train.data.packed_clips import PackedClip, repeated
from maskstream_train.data.packed_sequences import PackedSequences
from maskstream_train.data.synthetic import Clip
from maskstream_train.data.synthetic.bank import colour_jitter
from maskstream_train.training.windows import (
    Views,
    Window,
    blurred,
    cut_frames,
    cut_planes,
    draw_windows,
)

MAX_BLUR = 2.5
"""Pixels that become one in the strongest blur."""


@dataclass(frozen=True)
class PackedViews:
    """How packed pictures are varied.

    Attributes:
        still: windows on still pictures.
        video: windows on videos, which have motion of their own.
        colour: strength of changes of colour.
        grey_share: share of clips without colour.
        flip_share: share of mirrored clips.
        blur_share: share of clips without sharp detail, as of a small picture that was enlarged.
        rare_power: a still is drawn by how rare its rarest class is, to this power.
        max_stride: most pictures of a video from one frame of a clip to the next.
        lookalike_share: share of clips of stills in which a look-alike passes an object.
        followed: of a video, only objects that are marked on all frames of a clip; trackers must
            not learn that others have gone.
    """

    still: Views = field(default_factory=Views)
    video: Views = field(default_factory=lambda: Views(0.6, 0.06, 0.03, 0.03))
    colour: float = 0.7
    grey_share: float = 0.04
    flip_share: float = 0.5
    blur_share: float = 0.15
    rare_power: float = 0.5
    max_stride: int = 3
    lookalike_share: float = 0.0
    followed: bool = False


class PackedClips:
    """Clips of one file of packed pictures; each is a function of its random numbers alone."""

    def __init__(self, pictures: PackedPictures, views: PackedViews) -> None:
        """List stills and videos."""
        self._pictures, self._views = pictures, views
        self._stills = [n for n, one in enumerate(pictures.pictures) if not one.sequence]
        self._still_chances = rarity(pictures, self._stills, views.rare_power)
        self._sequences, self._lookalikes = PackedSequences(pictures), Lookalikes(pictures)
        lengths = np.sqrt([len(numbers) for numbers in self._sequences.videos])
        self._video_chances = lengths / lengths.sum()

    def still(self, size: Size, count: int, min_px: int, draw: np.random.Generator) -> Clip:
        """Make a clip of `count` frames of `size` from a still picture.

        Args:
            size: height and width.
            count: of frames.
            min_px: fewest visible pixels of an object.
            draw: random numbers of the clip.

        Raises:
            DatasetError: the picture is broken.
        """
        number = self._stills[int(draw.choice(len(self._stills), p=self._still_chances))]
        shown = repeated(self._pictures.read(number), count)
        share = self._views.lookalike_share
        if share and draw.random() < share:
            shown = self._lookalikes.added(shown, draw)
        return self._clip(shown, self._views.still, size, min_px, draw)

    def video(self, size: Size, count: int, min_px: int, draw: np.random.Generator) -> Clip:
        """Make a clip of a video's own frames, at a small stride, either way; see `still`."""
        video = int(draw.choice(len(self._video_chances), p=self._video_chances))
        length = len(self._sequences.videos[video])
        chosen = frames_at_stride(length, count, self._views.max_stride, draw)
        shown = self._sequences.clip(video, chosen, self._views.followed)
        return self._clip(shown, self._views.video, size, min_px, draw)

    def _clip(
        self, shown: PackedClip, views: Views, size: Size, min_px: int, draw: np.random.Generator
    ) -> Clip:
        picture = shown.masks.shape[2], shown.masks.shape[3]
        focus = _focus(shown, draw)
        windows = draw_windows(views, picture, size, len(shown.frames), draw, focus)
        clip = _seen_through(windows, shown, size, min_px)
        change = colour_jitter(draw, self._views.colour)
        if draw.random() < self._views.grey_share:
            change[:, :3] = change[:, :3].mean(axis=0)
        frames = np.clip(clip.frames @ change[:, :3].T + change[:, 3], 0, 255).astype(np.uint8)
        step = -1 if draw.random() < self._views.flip_share else 1
        if draw.random() < self._views.blur_share:
            frames = blurred(frames, float(draw.uniform(1.3, MAX_BLUR)))
        return Clip(
            frames[:, :, ::step],
            clip.masks[..., ::step],
            clip.labels,
            clip.ignored[..., ::step] if clip.ignored is not None else None,
            clip.certainties,
        )


def rarity(pictures: PackedPictures, numbers: list[int], power: float) -> Floats:
    """Return the chance of each picture: by its rarest class, of those that have a name."""
    labels = [{thing.label for thing in pictures.pictures[n].objects} for n in numbers]
    counts = Counter(label for found in labels for label in found)
    fewest = [min((counts[label] for label in found), default=len(numbers)) for found in labels]
    weights = np.array(fewest, float) ** -power
    return np.asarray(weights / weights.sum())


def frames_at_stride(
    length: int, count: int, max_stride: int, draw: np.random.Generator
) -> list[int]:
    """Draw `count` frames of a video at a stride of 1 to `max_stride`, forwards or backwards.

    A video that is too short is played back and forth.
    """
    longest = max(1, min(max_stride, (length - 1) // max(1, count - 1)))
    stride = int(draw.integers(1, longest + 1))
    start = int(draw.integers(max(1, length - stride * (count - 1))))
    turn = max(1, 2 * (length - 1))
    steps = [(start + stride * number) % turn for number in range(count)]
    chosen = [min(step, turn - step) if length > 1 else 0 for step in steps]
    return chosen[::-1] if draw.random() < 0.5 else chosen


def _focus(shown: PackedClip, draw: np.random.Generator) -> tuple[float, float] | None:
    """Draw an object of the first frame, by class and then by number; return its middle."""
    present = np.flatnonzero(shown.masks[0].any(axis=(1, 2)))
    if not len(present):
        return None
    labels = shown.labels[present]
    label = draw.choice(np.unique(labels))
    rows, columns = np.nonzero(shown.masks[0][draw.choice(present[labels == label])])
    return float(rows.mean()), float(columns.mean())


def _seen_through(windows: list[Window], shown: PackedClip, size: Size, min_px: int) -> Clip:
    """Cut windows out of a clip; what is left of an object below `min_px` becomes unknown."""
    frames = cut_frames(windows, shown.frames, size)
    masks = cut_planes(windows, shown.masks, size)
    ignored = cut_planes(windows, shown.ignored, size)
    small = masks.sum(axis=(2, 3)) < min_px  # (T, O)
    remains = (masks & small[..., None, None]).any(axis=1)
    ignored[remains & (ignored == KNOWN)] = UNKNOWN
    masks &= ~small[..., None, None]
    seen = masks.any(axis=(0, 2, 3))
    return Clip(frames, masks[:, seen], shown.labels[seen], ignored, shown.certainties[seen])
