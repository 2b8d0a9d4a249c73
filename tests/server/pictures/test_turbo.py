"""The quick decoder of JPEG gives Pillow's pixels, bit by bit, or leaves a picture to Pillow."""

import numpy as np
import pytest
from PIL import Image

from maskstream_server.pictures.turbo import turbo_pixels
from support.pictures import JPEG, as_pillow_reads, encoded, gradient, noise

SIZES = [(1, 1), (8, 8), (17, 33), (120, 214)]
OPTIONS = [{}, {"progressive": True}, {"restart_marker_blocks": 2}]
PLAIN = encoded(JPEG, noise(32, 48))


def is_pillows(payload, size):
    pixels = turbo_pixels(payload, size)
    assert pixels is not None
    return bytes(pixels) == as_pillow_reads(payload).tobytes()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:1:1"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_pixels_are_those_of_pillow(size, subsampling, options):
    picture = (noise(*size) // 2 + gradient(*size) // 2).astype(np.uint8)
    for quality in (30, 75, 90):
        payload = encoded(JPEG, picture, quality=quality, subsampling=subsampling, **options)
        assert is_pillows(payload, size), quality


def test_grey_becomes_rgb():
    assert is_pillows(encoded(JPEG, Image.fromarray(noise(32, 48)).convert("L")), (32, 48))


def test_colours_that_are_rgb_in_the_file_stay_so():
    payload = encoded(JPEG, noise(32, 48), keep_rgb=True)
    assert is_pillows(payload, (32, 48))


@pytest.mark.parametrize(
    "payload",
    [
        encoded(JPEG, Image.fromarray(gradient()).convert("CMYK")),
        PLAIN[: len(PLAIN) // 2],
        b"",
        PLAIN[:200] + bytes(50) + PLAIN[250:],
    ],
    ids=["cmyk", "half", "nothing", "broken"],
)
def test_what_is_not_plain_is_left_to_pillow(payload):
    assert turbo_pixels(payload, (32, 48)) is None


def test_a_picture_of_another_size_than_its_header_is_left_to_pillow():
    assert turbo_pixels(PLAIN, (48, 32)) is None
