"""A clip is changed as one, pictures and masks alike, within what was asked for."""

from dataclasses import replace

import numpy as np
import pytest

from maskstream_train.training.augmentation import (
    Augmentation,
    ClipTransform,
    Crop,
    draw_transform,
    transform_clip,
)

VIS = Augmentation()
STEADY = Augmentation(short_sides=(64,), crop_share=0.0, flip_share=0.0)


def draws(settings, size, still_frames=0, count=200):
    rngs = (np.random.default_rng(seed) for seed in range(count))
    return [draw_transform(settings, size, still_frames, rng) for rng in rngs]


def clip():
    frames = np.zeros((3, 40, 60, 3), np.uint8)
    masks = np.zeros((3, 2, 40, 60), bool)
    for time in range(3):
        masks[time, 0, 10:30, 5 + time : 25 + time] = True
        masks[time, 1, 15:35, 40:55] = time > 0
        frames[time, masks[time].any(0)] = 255
    return frames, masks


def test_the_same_numbers_give_the_same_transform():
    one, other = (draw_transform(VIS, (480, 854), 5, np.random.default_rng(3)) for _ in range(2))
    assert one == other


def test_half_of_the_clips_are_cropped_and_half_are_mirrored():
    drawn = draws(VIS, (480, 854))
    assert 70 < sum(change.crop is not None for change in drawn) < 130
    assert 70 < sum(change.mirrored for change in drawn) < 130


def test_crops_lie_inside_and_their_sides_in_the_range():
    crops = [change.crop for change in draws(VIS, (480, 854)) if change.crop is not None]
    for crop in crops:
        assert min(crop.before) in VIS.crop_short_sides
        for side, start, whole in zip(crop.size, (crop.top, crop.left), crop.before, strict=True):
            assert 384 <= side <= 600
            assert 0 <= start <= whole - side
    assert {min(crop.before) for crop in crops} == set(VIS.crop_short_sides)


def test_a_crop_takes_all_there_is_of_a_side_that_is_too_short():
    small = replace(VIS, crop_short_sides=(300,), crop_share=1.0)
    assert all(change.crop.size[0] == 300 for change in draws(small, (480, 854), count=20))


def test_the_shorter_side_is_one_of_the_list_unless_the_longer_one_is_too_long():
    for change in draws(replace(VIS, crop_share=0.0), (480, 854)):
        assert max(change.size) <= 768
        assert min(change.size) in VIS.short_sides or max(change.size) == 768


def test_only_still_pictures_turn_slowly_one_way_or_the_other():
    assert all(change.angles == () for change in draws(VIS, (480, 640)))
    ways = set()
    for change in draws(VIS, (480, 640), still_frames=5):
        assert len(change.angles) == 5
        assert all(abs(angle) <= 15 for angle in change.angles)
        rising = change.angles[0] < change.angles[-1]
        assert list(change.angles) == sorted(change.angles, reverse=not rising)
        ways.add(rising)
    assert ways == {True, False}


@pytest.mark.parametrize(
    "change",
    [
        ClipTransform(None, (80, 120), False),
        ClipTransform(None, (80, 120), True),
        ClipTransform(Crop((60, 90), 4, 6, (50, 70)), (100, 140), True),
        ClipTransform(None, (80, 120), False, (-15.0, 2.0, 14.0)),
    ],
)
def test_masks_stay_on_what_they_mask(change):
    frames, masks = transform_clip(*clip(), change)
    assert frames.shape == (3, *change.size, 3)
    assert masks.shape == (3, 2, *change.size)
    bright = frames[..., 0] > 127
    assert (bright == masks.any(1)).mean() > 0.98
    assert not masks[0, 1].any()
    assert masks[1:, 1].any()


def test_mirrored_twice_is_unchanged():
    mirror = ClipTransform(None, (40, 60), True)
    frames, masks = transform_clip(*transform_clip(*clip(), mirror), mirror)
    assert np.array_equal(frames, clip()[0])
    assert np.array_equal(masks, clip()[1])


def test_positive_angles_turn_anticlockwise():
    frames, masks = np.zeros((1, 41, 41, 3), np.uint8), np.zeros((1, 1, 41, 41), bool)
    masks[0, 0, 20, 30:38] = True
    _, turned = transform_clip(frames, masks, ClipTransform(None, (41, 41), False, (15.0,)))
    rows = np.nonzero(turned[0, 0])[0]
    assert rows.max() < 20
