"""Sizes, normalisation and padding of frames (docs/model.md 1)."""

import numpy as np
import pytest
import torch

from maskstream_model.config import OnlineConfig
from maskstream_model.errors import FrameError
from maskstream_model.tasks.preprocess import (
    MEAN,
    STD,
    normalise,
    padded_size,
    prepare,
    resized_size,
)

KEEP = OnlineConfig(min_size=None)


def frame(height=40, width=50, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((360, 640), (480, 853)),
        ((640, 360), (853, 480)),
        ((480, 480), (480, 480)),
        ((1080, 1920), (480, 853)),
        ((240, 1000), (320, 1333)),
        ((1000, 240), (1333, 320)),
        ((1, 4000), (1, 1333)),
    ],
)
def test_the_shorter_side_is_set_and_the_longer_one_limited(size, expected):
    assert resized_size(*size, 480, 1333) == expected


def test_no_min_size_keeps_the_frames_own_size():
    assert resized_size(7, 4000, None, 1333) == (7, 4000)


@pytest.mark.parametrize(
    ("size", "expected"), [((480, 853), (480, 864)), ((1, 32), (32, 32)), ((33, 64), (64, 64))]
)
def test_padding_reaches_the_next_multiple_of_32(size, expected):
    assert padded_size(*size) == expected


def test_normalised_pixels_have_the_mean_colour_at_zero():
    images = torch.tensor(MEAN).view(1, 3, 1, 1) + torch.tensor(STD).view(1, 3, 1, 1)
    torch.testing.assert_close(normalise(images), torch.ones(1, 3, 1, 1))
    assert normalise(torch.zeros(1, 3, 2, 2, dtype=torch.uint8)).dtype == torch.float32


def test_frames_are_padded_right_and_below_with_zeros():
    picture = frame(40, 50)
    prepared = prepare([picture], KEEP)
    assert prepared.images.shape == (1, 3, 64, 64)
    assert (prepared.resized, prepared.padded) == (((40, 50),), (64, 64))
    expected = normalise(torch.from_numpy(picture).permute(2, 0, 1))
    assert torch.equal(prepared.images[0, :, :40, :50], expected)
    assert not prepared.images[0, :, 40:].any()
    assert not prepared.images[0, :, :, 50:].any()


def test_a_batch_may_mix_sizes_that_share_one_padded_size():
    prepared = prepare([frame(40, 50), frame(64, 33)], KEEP)
    assert prepared.resized == ((40, 50), (64, 33))
    alone = prepare([frame(64, 33)], KEEP)
    assert torch.equal(prepared.images[1:], alone.images)


def test_resizing_keeps_a_flat_colour():
    flat = np.full((30, 60, 3), (10, 200, 90), dtype=np.uint8)
    prepared = prepare([flat], OnlineConfig(min_size=64))
    assert prepared.resized == ((64, 128),)
    expected = normalise(torch.tensor([10, 200, 90], dtype=torch.uint8).view(3, 1, 1))
    torch.testing.assert_close(prepared.images[0], expected.expand(3, 64, 128))


def test_read_only_and_strided_frames_are_taken():
    picture = frame(32, 64)
    picture.flags.writeable = False
    mirrored = picture[:, ::-1]
    ours = prepare([picture, mirrored], KEEP).images
    assert torch.equal(ours[1], ours[0].flip(-1))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 3), dtype=np.float32),
        np.zeros((4, 4), dtype=np.uint8),
        np.zeros((4, 4, 4), dtype=np.uint8),
        np.zeros((0, 4, 3), dtype=np.uint8),
        np.zeros((4, 0, 3), dtype=np.uint8),
        np.zeros((1, 4, 4, 3), dtype=np.uint8),
        np.zeros((4, 4, 1), dtype=np.uint8),
        torch.zeros(4, 4, 3, dtype=torch.uint8),
        None,
        [[1, 2, 3]],
    ],
)
def test_anything_but_a_picture_is_refused(wrong):
    with pytest.raises(FrameError, match="a frame must be"):
        prepare([wrong], KEEP)


def test_a_frame_of_absurd_size_is_refused():
    huge = np.broadcast_to(np.uint8(0), (100_000, 100_000, 3))
    with pytest.raises(FrameError, match="at most 67108864 pixels, not 100000 x 100000"):
        prepare([huge], OnlineConfig())


def test_a_frame_that_would_be_enlarged_beyond_all_measure_is_refused():
    with pytest.raises(FrameError, match="a frame must have at most 67108864 pixels, not 10000 x"):
        prepare([frame(3, 3)], OnlineConfig(min_size=10_000, max_size=10_000))


def test_an_empty_batch_is_refused():
    with pytest.raises(FrameError, match="at least one frame"):
        prepare([], KEEP)


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (3, 5)])
@pytest.mark.parametrize("min_size", [None, 40])
def test_slivers_are_taken(size, min_size):
    prepared = prepare([frame(*size)], OnlineConfig(min_size=min_size, max_size=200))
    assert prepared.images.isfinite().all()
    assert prepared.images.shape[2:] == prepared.padded
    assert min(prepared.resized[0]) >= 1


def test_a_batch_of_two_padded_sizes_is_refused():
    with pytest.raises(FrameError, match="one padded size"):
        prepare([frame(32, 32), frame(33, 32)], KEEP)
