"""What a clip shows, as padded tensors: the truth that losses and matching compare with.

`O` counts the objects of a clip (padded to the largest clip of the batch); `h w` are pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.tasks.preprocess import MEAN
from maskstream_train.data.packed import DOUBTFUL, KNOWN
from maskstream_train.data.synthetic import Clip


@dataclass(frozen=True)
class FrameTargets:
    """The objects of one frame per clip.

    Attributes:
        masks: `(B, O, h, w)` bool, visible pixels.
        labels: `(B, O)` int64, class index; padding has 0.
        present: `(B, O)` bool: a real object with visible pixels on this frame.
        ignored: `(B, h, w)` uint8, `KNOWN`, `UNKNOWN` or `DOUBTFUL` (`data/packed.py`); None where
            everything is known. Unknown places are no negative examples, and doubtful ones have no
            mask loss.
        certainties: `(B, O)` 0 to 1, how sure the labels are; None: certain. Used with
            `soft_classes` only.
    """

    masks: Tensor
    labels: Tensor
    present: Tensor
    ignored: Tensor | None = None
    certainties: Tensor | None = None

    @property
    def doubtful(self) -> Tensor | None:
        """`(B, h, w)` bool, None where nothing is."""
        return None if self.ignored is None else self.ignored == DOUBTFUL


@dataclass(frozen=True)
class ClipBatch:
    """Clips with their truth, padded to one size.

    Attributes:
        frames: `(B, T, h, w, 3)` uint8 RGB.
        masks: `(B, T, O, h, w)` bool.
        labels: `(B, O)` int64; padding has 0.
        present: `(B, T, O)` bool.
        ignored: `(B, T, h, w)` uint8, or None; see `FrameTargets`.
        certainties: `(B, O)`, or None; see `FrameTargets`.
    """

    frames: Tensor
    masks: Tensor
    labels: Tensor
    present: Tensor
    ignored: Tensor | None = field(default=None, kw_only=True)
    certainties: Tensor | None = field(default=None, kw_only=True)

    @property
    def num_frames(self) -> int:
        """`T`."""
        return self.frames.shape[1]

    def frame(self, index: int) -> FrameTargets:
        """Return the truth of frame `index` of every clip."""
        ignored = None if self.ignored is None else self.ignored[:, index]
        return FrameTargets(
            self.masks[:, index], self.labels, self.present[:, index], ignored, self.certainties
        )

    def flat(self) -> FrameTargets:
        """Return the truth of all frames, `B * T` of them, clip by clip."""
        certainties = self.certainties
        if certainties is not None:
            certainties = certainties.repeat_interleave(self.num_frames, 0)
        return FrameTargets(
            # (B, T, O, h, w) -> (B * T, O, h, w)
            self.masks.flatten(0, 1),
            self.labels.repeat_interleave(self.num_frames, 0),
            self.present.flatten(0, 1),
            None if self.ignored is None else self.ignored.flatten(0, 1),
            certainties,
        )

    def select(self, frames: Sequence[int]) -> "ClipBatch":
        """Return the clips with these frames, in this order."""
        order = list(frames)
        return ClipBatch(
            self.frames[:, order],
            self.masks[:, order],
            self.labels,
            self.present[:, order],
            ignored=None if self.ignored is None else self.ignored[:, order],
            certainties=self.certainties,
        )

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Frames, masks, labels and presence."""
        return self.frames, self.masks, self.labels, self.present

    def to(self, device: torch.device) -> "ClipBatch":
        """Return a copy on `device`."""
        parts = [part.to(device, non_blocking=True) for part in self.parts]
        ignored, certainties = (
            None if part is None else part.to(device, non_blocking=True)
            for part in (self.ignored, self.certainties)
        )
        return ClipBatch(*parts, ignored=ignored, certainties=certainties)


@dataclass(frozen=True)
class SegmentedBatch(ClipBatch):
    """Clips that the segmenter has seen already; `frames` may be of size `(B, T, 0, 0, 3)`.

    Attributes:
        outputs: of the segmenter, `T` times for `B` clips.
    """

    outputs: list[SegmenterOutput]

    def to(self, device: torch.device) -> "SegmentedBatch":
        """Return a copy on `device`."""
        outputs = [output.map(lambda part: part.to(device)) for output in self.outputs]
        return SegmentedBatch(**vars(super().to(device)), outputs=outputs)


def collate(clips: Sequence[Clip], divisor: int = 1) -> ClipBatch:
    """Stack clips of one length; fewer objects are padded with empty masks.

    Smaller clips are padded right and below with the mean colour, which nothing masks
    (docs/model.md 1). Differs from reference: the mean is rounded to a byte, 0.01 of a normalised
    pixel at most.

    Args:
        clips: at least one.
        divisor: height and width are rounded up to multiples of it.
    """
    num_objects = max(1, *(clip.labels.shape[0] for clip in clips))
    num_frames = len(clips[0].frames)
    height, width = (
        -(-max(clip.frames.shape[axis] for clip in clips) // divisor) * divisor for axis in (1, 2)
    )
    frames = np.empty((len(clips), num_frames, height, width, 3), dtype=np.uint8)
    frames[:] = np.round(MEAN)
    masks = np.zeros((len(clips), num_frames, num_objects, height, width), dtype=bool)
    labels = np.zeros((len(clips), num_objects), dtype=np.int64)
    ignored, certainties = np.full(frames.shape[:4], KNOWN, np.uint8), np.ones(labels.shape)
    for row, clip in enumerate(clips):
        rows, columns = clip.frames.shape[1:3]
        frames[row, :, :rows, :columns] = clip.frames
        masks[row, :, : clip.labels.shape[0], :rows, :columns] = clip.masks
        labels[row, : clip.labels.shape[0]] = clip.labels
        if clip.ignored is not None:
            ignored[row, :, :rows, :columns] = clip.ignored
        if clip.certainties is not None:
            certainties[row, : clip.labels.shape[0]] = clip.certainties
    return ClipBatch(
        torch.from_numpy(frames),
        torch.from_numpy(masks),
        torch.from_numpy(labels),
        torch.from_numpy(masks.any(axis=(3, 4))),
        ignored=torch.from_numpy(ignored) if ignored.any() else None,
        certainties=torch.from_numpy(certainties).float() if (certainties < 1).any() else None,
    )
