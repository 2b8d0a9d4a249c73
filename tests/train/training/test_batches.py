"""Batches are functions of their number, of several sizes, and true to their clips."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from maskstream_train.data.synthetic import Clip, SyntheticConfig
from maskstream_train.training.batches import ClipBatches, batch_shape, stream_batches
from maskstream_train.training.clip_source import enlarged
from maskstream_train.training.run_options import BatchPlan
from maskstream_train.training.targets import ClipBatch, collate

PLAN = BatchPlan(
    SyntheticConfig(height=64, width=64, num_frames=2), batch_size=3, scales=(0.5, 1.0), seed=4
)


def parts(batch: ClipBatch) -> tuple[torch.Tensor, ...]:
    return batch.frames, batch.masks, batch.labels, batch.present


def same(one: ClipBatch, other: ClipBatch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(parts(one), parts(other), strict=True))


@pytest.fixture(scope="module")
def batches() -> list[ClipBatch]:
    source = ClipBatches(PLAN)
    return [source[index] for index in range(8)]


def test_a_batch_is_a_function_of_its_number(batches):
    assert same(ClipBatches(PLAN)[5], batches[5])
    assert not same(batches[4], batches[5])


def test_another_seed_gives_other_batches(batches):
    other = ClipBatches(replace(PLAN, seed=5))[5]
    assert parts(other)[0].shape != batches[5].frames.shape or not same(other, batches[5])


def test_streaming_can_begin_anywhere(batches):
    stream = stream_batches(PLAN, first=3, workers=0)
    assert same(next(stream), batches[3])
    assert same(next(stream), batches[4])


def test_sizes_vary_and_the_number_of_pixels_hardly(batches):
    sizes = {tuple(batch.frames.shape[2:4]) for batch in batches}
    assert sizes == {(32, 32), (64, 64)}
    assert batch_shape(PLAN, 0.5) == (12, 32, 32)
    assert batch_shape(PLAN, 4.0) == (2, 256, 256)


def test_present_says_which_objects_have_pixels(batches):
    for batch in batches:
        assert torch.equal(batch.present, batch.masks.any(-1).any(-1))


def test_clips_with_fewer_objects_are_padded():
    def clip(num_objects: int) -> Clip:
        masks = np.ones((2, num_objects, 8, 8), dtype=bool)
        return Clip(np.zeros((2, 8, 8, 3), np.uint8), masks, np.full(num_objects, 2))

    batch = collate([clip(0), clip(3)])
    assert batch.labels.tolist() == [[0, 0, 0], [2, 2, 2]]
    assert batch.present.tolist() == [[[False] * 3] * 2, [[True] * 3] * 2]


def shown(mask: NDArray[np.bool_]) -> Clip:
    """A clip of one frame that is white where its only object is."""
    frames = np.repeat((mask * 255).astype(np.uint8)[None, ..., None], 3, axis=-1)
    return Clip(frames, mask[None, None], np.array([1]))


def test_zoom_enlarges_pictures_and_masks_alike():
    mask = np.zeros((32, 32), dtype=bool)
    mask[4:12, 6:14] = True
    near = enlarged(shown(mask), 2.0, np.zeros(2), min_px=10)
    assert near.masks.sum() == 4 * mask.sum()
    assert near.masks[0, 0, 8:24, 12:28].all()
    bright = near.frames[0, ..., 0] > 127
    assert (bright == near.masks[0, 0]).mean() > 0.98


def test_zoom_erases_what_it_leaves_too_little_of():
    mask = np.zeros((32, 32), dtype=bool)
    mask[15:17, 15:17] = True
    far = enlarged(shown(mask), 2.0, np.zeros(2), min_px=10)
    assert far.masks.shape == (1, 0, 32, 32)
    assert far.labels.shape == (0,)
