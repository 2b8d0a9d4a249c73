"""Crops of masks are what the whole resize gives, cut to tight boxes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco

from maskstream_model.port import Crops
from maskstream_model.tasks import crops as crops_module
from maskstream_model.tasks.axis_plans import MAX_PLANS, plan_axis
from maskstream_model.tasks.output import resize_mask_logits
from maskstream_model.tasks.results import InstanceMasks

GEOMETRIES = [
    # padded, resized, masks wanted
    ((64, 96), (64, 96), (64, 96)),
    ((256, 480), (256, 455), (360, 640)),
    ((96, 128), (75, 111), (41, 60)),
    ((32, 64), (32, 40), (128, 160)),
    ((480, 864), (480, 853), (180, 320)),
]


def blobs(count: int, padded, seed: int) -> torch.Tensor:
    """Mask logits with a few round regions above 0, some of them over the border."""
    rng = np.random.default_rng(seed)
    height, width = padded[0] // 4, padded[1] // 4
    rows, columns = np.mgrid[:height, :width]
    logits = []
    for _ in range(count):
        centre, radius = rng.uniform(0, (height, width)), rng.uniform(0.5, height / 2, 2)
        distance = ((rows - centre[0]) / radius[0]) ** 2 + ((columns - centre[1]) / radius[1]) ** 2
        logits.append(4 * (1 - distance) + rng.normal(0, 0.5, distance.shape))
    return torch.tensor(np.stack(logits), dtype=torch.float32)


def logits_of(output: InstanceMasks, size) -> np.ndarray:
    return resize_mask_logits(output.mask_logits, output.padded, output.resized, size).numpy()


def assert_same_but_on_the_threshold(output: InstanceMasks, crops: Crops) -> None:
    expected = logits_of(output, crops.size)
    differs = crops.whole() != (expected > 0)
    # Sums in another order: only a logit that is 0 but for rounding may fall on the other side.
    assert np.abs(expected[differs]).max(initial=0) < 1e-4
    assert differs.mean() < 1e-5


@pytest.mark.parametrize(("padded", "resized", "size"), GEOMETRIES)
def test_crops_are_the_whole_resize(padded, resized, size):
    output = InstanceMasks(blobs(8, padded, 0), padded, resized)
    crops = output.crops(np.arange(8), size, with_logits=True)
    assert_same_but_on_the_threshold(output, crops)
    expected = logits_of(output, size)
    assert crops.logits is not None
    for logits, row, (x0, y0, x1, y1) in zip(crops.logits, expected, crops.boxes, strict=True):
        np.testing.assert_allclose(logits, row[y0:y1, x0:x1], atol=1e-4)


@pytest.mark.parametrize("at_once", [1, 3000, 2**20])
@pytest.mark.parametrize(("padded", "resized", "size"), GEOMETRIES)
def test_masks_made_together_have_the_bits_of_each_alone(
    monkeypatch, padded, resized, size, at_once
):
    monkeypatch.setattr(crops_module, "PIXELS_AT_ONCE", at_once)
    grids = blobs(12, padded, 3)
    crops = InstanceMasks(grids, padded, resized).crops(np.arange(12), size, with_logits=True)
    down, across = (
        plan_axis(grids.shape[1 + axis], padded[axis], resized[axis], size[axis]) for axis in (0, 1)
    )
    for row, whole in enumerate(crops.whole()):
        alone = (across.shares @ np.ascontiguousarray((down.shares @ grids[row].numpy()).T)).T
        np.testing.assert_array_equal(whole, alone > 0)
        x0, y0, x1, y1 = crops.boxes[row]
        np.testing.assert_array_equal(crops.logits[row], alone[y0:y1, x0:x1])


@pytest.mark.parametrize(("padded", "resized", "size"), GEOMETRIES)
def test_areas_and_boxes_are_those_of_pycocotools(padded, resized, size):
    crops = InstanceMasks(blobs(12, padded, 4), padded, resized).crops(np.arange(12), size)
    runs = coco.encode(np.asfortranarray(crops.whole().transpose(1, 2, 0), np.uint8))
    assert crops.areas.tolist() == coco.area(runs).tolist()
    corners = np.concatenate([crops.boxes[:, :2], crops.boxes[:, 2:] - crops.boxes[:, :2]], 1)
    assert corners.tolist() == coco.toBbox(runs).tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-3, 3))
def test_crops_of_noise_are_the_whole_resize(seed, shift):
    noise = torch.randn(3, 16, 24, generator=torch.Generator().manual_seed(seed)) + shift
    output = InstanceMasks(noise, (64, 96), (50, 90))
    assert_same_but_on_the_threshold(output, output.crops(np.arange(3), (75, 135)))


def test_boxes_are_tight_and_areas_are_counted():
    output = InstanceMasks(blobs(8, (96, 128), 1), (96, 128), (90, 120))
    crops = output.crops(np.arange(8), (180, 240))
    for crop, (x0, y0, x1, y1), area in zip(crops.bitmaps, crops.boxes, crops.areas, strict=True):
        assert crop.shape == (y1 - y0, x1 - x0)
        assert area == crop.sum()
        if area:
            edges = crop[0], crop[-1], crop[:, 0], crop[:, -1]
            assert all(edge.any() for edge in edges)


def test_a_mask_without_a_pixel_is_no_mask():
    outside = torch.full((2, 16, 24), -1.0)
    outside[1, 14:, :] = 1.0  # only in the padding
    output = InstanceMasks(outside, (64, 96), (40, 96))
    crops = output.crops(np.arange(2), (80, 192), with_logits=True)
    assert crops.boxes.tolist() == [[0, 0, 0, 0], [0, 0, 0, 0]]
    assert crops.areas.tolist() == [0, 0]
    assert [crop.size for crop in crops.bitmaps] == [0, 0]


def test_a_mask_of_the_whole_frame_is_one_box():
    output = InstanceMasks(torch.ones(1, 16, 24), (64, 96), (60, 90))
    crops = output.crops(np.arange(1), (120, 180))
    assert crops.boxes.tolist() == [[0, 0, 180, 120]]
    assert crops.areas.tolist() == [120 * 180]


def test_only_the_rows_asked_for_are_cropped():
    output = InstanceMasks(blobs(5, (64, 96), 2), (64, 96), (64, 96))
    all_rows, some = output.crops(np.arange(5), (64, 96)), np.array([3, 1])
    chosen = output.crops(some, (64, 96))
    for ours, row in zip(chosen.bitmaps, some, strict=True):
        np.testing.assert_array_equal(ours, all_rows.bitmaps[row])
    assert chosen.areas.tolist() == all_rows.areas[some].tolist()
    none = output.crops(np.arange(0), (64, 96))
    assert none.boxes.shape == (0, 4)
    assert none.size == (64, 96)


def test_plans_of_many_sizes_are_forgotten_again():
    output = InstanceMasks(torch.ones(1, 16, 24), (64, 96), (64, 96))
    for size in range(1, 2 * MAX_PLANS):
        output.crops(np.arange(1), (size, size + 1))
    assert plan_axis.cache_info().currsize <= MAX_PLANS
    # A size that was forgotten is planned again.
    assert output.crops(np.arange(1), (1, 2)).areas.tolist() == [2]
