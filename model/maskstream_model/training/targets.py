"""What a clip shows, as padded tensors: the truth that losses and matching compare with.

`O` counts the objects of a clip (padded to the largest clip of the batch); `h w` are pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from maskstream_model.data.synthetic import Clip
from maskstream_model.mask2former.segmenter import SegmenterOutput


@dataclass(frozen=True)
class FrameTargets:
    """The objects of one frame per clip.

    Attributes:
        masks: `(B, O, h, w)` bool, visible pixels.
        labels: `(B, O)` int64, class index; padding has 0.
        present: `(B, O)` bool: a real object with visible pixels on this frame.
    """

    masks: Tensor
    labels: Tensor
    present: Tensor


@dataclass(frozen=True)
class ClipBatch:
    """Clips of one size with their truth.

    Attributes:
        frames: `(B, T, h, w, 3)` uint8 RGB.
        masks: `(B, T, O, h, w)` bool.
        labels: `(B, O)` int64; padding has 0.
        present: `(B, T, O)` bool.
    """

    frames: Tensor
    masks: Tensor
    labels: Tensor
    present: Tensor

    @property
    def num_frames(self) -> int:
        """`T`."""
        return self.frames.shape[1]

    def frame(self, index: int) -> FrameTargets:
        """Return the truth of frame `index` of every clip."""
        return FrameTargets(self.masks[:, index], self.labels, self.present[:, index])

    def select(self, frames: Sequence[int]) -> "ClipBatch":
        """Return the clips with these frames, in this order."""
        order = list(frames)
        return ClipBatch(
            self.frames[:, order], self.masks[:, order], self.labels, self.present[:, order]
        )

    def to(self, device: torch.device) -> "ClipBatch":
        """Return a copy on `device`."""
        parts = (self.frames, self.masks, self.labels, self.present)
        return ClipBatch(*(part.to(device, non_blocking=True) for part in parts))


@dataclass(frozen=True)
class SegmentedBatch(ClipBatch):
    """Clips that the segmenter has seen already; `frames` may be of size `(B, T, 0, 0, 3)`.

    Attributes:
        outputs: of the segmenter, `T` times for `B` clips.
    """

    outputs: list[SegmenterOutput]

    def to(self, device: torch.device) -> "SegmentedBatch":
        """Return a copy on `device`."""
        outputs = [
            SegmenterOutput(*(part.to(device) for part in vars(output).values()))
            for output in self.outputs
        ]
        return SegmentedBatch(**vars(super().to(device)), outputs=outputs)


def collate(clips: Sequence[Clip]) -> ClipBatch:
    """Stack clips of one size and length; fewer objects are padded with empty masks."""
    num_objects = max(1, *(clip.labels.shape[0] for clip in clips))
    num_frames, height, width = clips[0].frames.shape[:3]
    masks = np.zeros((len(clips), num_frames, num_objects, height, width), dtype=bool)
    labels = np.zeros((len(clips), num_objects), dtype=np.int64)
    for row, clip in enumerate(clips):
        masks[row, :, : clip.labels.shape[0]] = clip.masks
        labels[row, : clip.labels.shape[0]] = clip.labels
    return ClipBatch(
        torch.from_numpy(np.stack([clip.frames for clip in clips])),
        torch.from_numpy(masks),
        torch.from_numpy(labels),
        torch.from_numpy(masks.any(axis=(3, 4))),
    )
