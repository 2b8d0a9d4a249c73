"""Run lengths of whole pictures out of crops."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from maskstream_server.jobs.processing.rle import picture_rle

crops = arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=7))
margins = st.integers(0, 3)


@given(crops, margins, margins, margins, margins)
def test_a_crop_in_its_place_is_the_rle_of_the_picture(crop, left, top, right, bottom):
    picture = np.pad(crop, ((top, bottom), (left, right)))
    expected = coco.encode(np.asfortranarray(picture, np.uint8))["counts"].decode()
    assert picture_rle(crop, (left, top), picture.shape) == expected
