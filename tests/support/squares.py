"""Clips of four squares for the trackers' training, over segmentations of noise."""

import torch

from maskstream_model.daq.online import OnlineDaq
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_train.training.targets import ClipBatch

NUM_OBJECTS, SIZE = 4, 64


def squares(num_frames: int, flicker: bool = False) -> ClipBatch:
    """Two clips of four squares that stay; if they flicker, object 0 of clip 0 misses frame 1."""
    masks = torch.zeros(2, num_frames, NUM_OBJECTS, SIZE, SIZE, dtype=torch.bool)
    for item in range(NUM_OBJECTS):
        masks[:, :, item, 16 * item : 16 * item + 12, 8:40] = True
    if flicker:
        masks[0, 1, 0] = False
    labels = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 0]])
    frames = torch.zeros(2, num_frames, SIZE, SIZE, 3, dtype=torch.uint8)
    return ClipBatch(frames, masks, labels, masks.any(-1).any(-1))


@torch.no_grad()
def segmented_noise(model: OnlineDaq, num_frames: int) -> list[SegmenterOutput]:
    """What the segmenter makes of two clips of noise, frame by frame."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, 3, SIZE, SIZE)
    return [model.segmenter(torch.randn(*shape, generator=generator)) for _ in range(num_frames)]
