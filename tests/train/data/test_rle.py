"""Run-length encoding: what was encoded comes back, whichever encoder did it."""

import numpy as np
import pytest

from maskstream_model.errors import DatasetError
from maskstream_train.data.rle import decode_masks
from support.rle import encode_mask


@pytest.mark.parametrize("density", [0.01, 0.5, 0.99])
def test_a_mask_comes_back_as_it_was(density: float) -> None:
    mask = np.random.default_rng(3).random((33, 57)) < density
    mask[4:30, 10:50] = True
    assert (decode_masks([encode_mask(mask)], 33, 57)[0] == mask).all()


def test_a_full_mask_comes_back_full() -> None:
    assert decode_masks([encode_mask(np.ones((200, 300), dtype=bool))], 200, 300).all()


def test_an_empty_mask_is_none_and_none_is_empty() -> None:
    assert encode_mask(np.zeros((4, 5), dtype=bool)) is None
    assert not decode_masks([None], 4, 5).any()


def test_plain_counts_run_down_the_columns_and_start_with_background() -> None:
    mask = decode_masks([{"size": [2, 3], "counts": [1, 2, 3]}], 2, 3)[0]
    assert mask.tolist() == [[False, True, False], [True, False, False]]


def test_polygons_are_filled() -> None:
    mask = decode_masks([[[2, 2, 6, 2, 6, 5, 2, 5]]], 8, 8)[0]
    assert mask.sum() == 12
    assert mask[2:5, 2:6].all()


@pytest.mark.parametrize(
    "broken",
    [
        {"size": [4, 4], "counts": [1, 2]},
        {"size": [4, 5], "counts": [20]},
        {"counts": [16]},
        {"size": [4, 4], "counts": [-1, 17]},
        {"size": [4, 4], "counts": []},
    ],
)
def test_a_broken_segmentation_is_one_clear_error(broken: dict) -> None:
    with pytest.raises(DatasetError, match="cannot be decoded"):
        decode_masks([broken], 4, 4)


@pytest.mark.parametrize("other", ["1 2 3", 7, {"size": [4, 4]}, {"counts": [16]}])
def test_what_is_no_segmentation_is_said_to_be_none(other: object) -> None:
    with pytest.raises(DatasetError, match="has neither polygons nor size and counts"):
        decode_masks([other], 4, 4)
