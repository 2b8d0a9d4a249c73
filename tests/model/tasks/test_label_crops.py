"""Crops of a label map are its labels, cut to tight boxes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from maskstream_model.tasks.label_crops import label_crops

LABELS = np.array([[0, 2, 2, 0], [3, 2, 3, 0], [0, 0, 0, 0]], np.int32)


def test_every_mask_is_its_label_inside_a_tight_box():
    crops = label_crops(LABELS, [3, 2], with_logits=True)
    assert crops.size == (3, 4)
    assert crops.boxes.tolist() == [[0, 1, 3, 2], [1, 0, 3, 2]]
    assert crops.areas.tolist() == [2, 3]
    assert crops.bitmaps[0].tolist() == [[True, False, True]]
    assert crops.bitmaps[1].tolist() == [[True, True], [True, False]]
    assert crops.logits is not None
    assert [logits.shape for logits in crops.logits] == [(1, 3), (2, 2)]


def test_a_label_that_is_nowhere_has_no_mask():
    crops = label_crops(LABELS, [1, 0, 7, 2])
    assert crops.boxes[:3].tolist() == [[0, 0, 0, 0]] * 3
    assert crops.areas.tolist() == [0, 0, 0, 3]
    assert [crop.size for crop in crops.bitmaps[:3]] == [0, 0, 0]
    assert crops.logits is None


def test_nothing_wanted_is_nothing_found():
    crops = label_crops(LABELS, [])
    assert crops.boxes.shape == (0, 4)
    assert (crops.bitmaps, crops.size) == ((), (3, 4))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_crops_put_back_are_the_map(seed, num_labels):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_labels + 1, (7, 9), np.int32)
    crops = label_crops(labels, range(1, num_labels + 1))
    again = np.zeros_like(labels)
    for label, (box, crop) in enumerate(zip(crops.boxes.tolist(), crops.bitmaps, strict=True), 1):
        x0, y0, x1, y1 = box
        again[y0:y1, x0:x1][crop] = label
    assert np.array_equal(again, labels)
