"""Valid pictures that few encoders write, and nearly valid ones that decoders read."""

import struct
import zlib
from functools import cache

import numpy as np
import pytest
from PIL import Image

from maskstream_protocol.errors import FrameUndecodableError
from support import pictures
from support.pictures import (
    JPEG,
    PNG,
    WEBP,
    arithmetic_jpeg,
    as_pillow_reads,
    chunk,
    encoded,
    gradient,
    interlaced_png,
    noise,
    png,
    running_pool,
    scan_bomb,
    segment,
    segments,
    with_chunks,
)

END = b"\xff\xd9"


@pytest.fixture(scope="module")
def pool():
    with running_pool() as running:
        yield running


@pytest.fixture
def decoded(pool):
    def decode(codec: int, payload: bytes) -> np.ndarray:
        return pictures.decoded(pool, codec, payload)

    return decode


def joined(parts: list[bytes], between: bytes) -> bytes:
    """Put bytes between the segments of a JPEG."""
    return parts[0] + between + between.join(parts[1:])


# JPEG.

PLAIN = encoded(JPEG, noise(), quality=80)


@pytest.mark.parametrize(
    "payload",
    [
        joined(segments(PLAIN), b"\xff\xff"),
        joined(segments(PLAIN), b"\r\n"),
        joined(segments(PLAIN), b"\0\0\xff\x00\xff\x01\xff\xd0"),
        b"\r\n" + PLAIN,
        b"\0" * 16 + PLAIN,
        PLAIN + b"\r\n--boundary",
        PLAIN + PLAIN,
        PLAIN[:-2],
        PLAIN[:-2] + b"\r\n",
        PLAIN[:-2] + b"\0" * 100,
        PLAIN[:-1],
        PLAIN[:-2] + b"\xff" * 9,
        PLAIN[:-2] + segment(0xE1, bytes(100))[:50],
        joined(segments(PLAIN), segment(0xE2, b"ICC_PROFILE\0\x01\x01" + bytes(50_000))) * 1,
        joined(segments(PLAIN), 30 * segment(0xE1, b"Exif\0\0" + bytes(60_000))),
        joined(segments(PLAIN), segment(0xE2, b"MPF\0" + bytes(80))) + PLAIN,
        joined(segments(PLAIN), segment(0xFE, b"a comment" + PLAIN)),
        joined(segments(PLAIN), segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x03\xed\xff")),
        joined(segments(PLAIN), segment(0xFE, b"")),
    ],
    ids=range(19),
)
def test_what_is_between_before_and_behind_the_segments_of_a_jpeg_does_not_matter(decoded, payload):
    assert np.array_equal(decoded(JPEG, payload), as_pillow_reads(PLAIN))


def last_scan(picture: bytes) -> int:
    """Return where the data of the last scan begins."""
    at = picture.rindex(b"\xff\xda") + 2
    return at + int.from_bytes(picture[at : at + 2], "big")


KINDS = [
    {},
    {"progressive": True},
    {"restart_marker_rows": 1},
    {"restart_marker_blocks": 1},
    {"subsampling": 0},
    {"progressive": True, "restart_marker_blocks": 3},
]


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize(("mode", "num_channels"), [("L", 1), ("RGB", 3), ("CMYK", 4)])
def test_a_jpeg_may_lack_its_end_but_nothing_of_its_data(decoded, options, mode, num_channels):
    image = Image.frombytes(mode, (80, 48), np.random.default_rng(1).bytes(80 * 48 * num_channels))
    whole = encoded(JPEG, image, **options)
    assert whole.endswith(END)
    assert np.array_equal(decoded(JPEG, whole[:-2]), decoded(JPEG, whole))
    half = last_scan(whole) + (len(whole) - last_scan(whole)) // 2
    with pytest.raises(FrameUndecodableError):
        decoded(JPEG, whole[:half])


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_no_cut_through_a_jpeg_gives_another_picture(decoded, options):
    whole = encoded(JPEG, noise(32, 48), quality=60, **options)
    expected = decoded(JPEG, whole)
    for kept in range(last_scan(whole), len(whole) - 2):
        try:
            picture = decoded(JPEG, whole[:kept])
        except FrameUndecodableError:
            continue
        assert np.array_equal(picture, expected), kept


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_every_kind_of_jpeg_becomes_rgb(decoded, mode):
    payload = encoded(JPEG, Image.fromarray(gradient()).convert(mode))
    assert np.array_equal(decoded(JPEG, payload), as_pillow_reads(payload))


def test_the_colours_of_a_jpeg_are_those_that_adobes_segment_names(decoded):
    payload = encoded(JPEG, Image.fromarray(gradient()).convert("CMYK"))
    at = payload.index(b"Adobe") + 11
    ycck = payload[:at] + b"\x02" + payload[at + 1 :]
    assert not np.array_equal(decoded(JPEG, ycck), decoded(JPEG, payload))
    assert np.array_equal(decoded(JPEG, ycck), as_pillow_reads(ycck))


def test_a_jpeg_in_arithmetic_coding_is_decoded(decoded):
    payload = arithmetic_jpeg(36, 24)
    assert np.array_equal(decoded(JPEG, payload), as_pillow_reads(payload))


def test_a_jpeg_of_a_camera_that_leaves_out_the_usual_tables_is_decoded(decoded):
    whole = encoded(JPEG, gradient(), optimize=False)
    without = b"".join(part for part in segments(whole) if part[1] != 0xC4)
    assert len(without) < len(whole)
    assert np.array_equal(decoded(JPEG, without), decoded(JPEG, whole))


def test_a_jpeg_of_twelve_bits_is_refused_in_a_sentence(decoded):
    at = PLAIN.index(b"\xff\xc0") + 4
    with pytest.raises(FrameUndecodableError, match="does not decode"):
        decoded(JPEG, PLAIN[:at] + b"\x0c" + PLAIN[at + 1 :])


@pytest.mark.parametrize(("size", "num_scans"), [((96, 96), 20), ((8, 8), 4)])
def test_scans_within_the_bound_are_decoded(decoded, size, num_scans):
    assert decoded(JPEG, scan_bomb(*size, num_scans)).shape == (*size[::-1], 3)


@pytest.mark.parametrize("num_scans", [2_000, 50_000])
def test_the_bound_on_scans_holds_for_small_pictures_too(decoded, num_scans):
    with pytest.raises(FrameUndecodableError, match=r"more work|more than 65536 segments"):
        decoded(JPEG, scan_bomb(8, 8, num_scans))


@pytest.mark.parametrize(
    "filling", [segment(0xFE, b"") * 70_000, b"\xff" * 3_000_000, b"\xff\x00" * 1_500_000]
)
def test_the_search_for_a_jpegs_size_is_bounded(decoded, filling):
    with pytest.raises(FrameUndecodableError):
        decoded(JPEG, b"\xff\xd8" + filling)


# PNG.


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_rgb(decoded, mode):
    grey = Image.fromarray(np.full((4, 6), 128, np.uint8))
    image = Image.new("I;16", (6, 4), 128 << 8) if mode == "I;16" else grey.convert(mode)
    picture = decoded(PNG, encoded(PNG, image))
    assert picture.shape == (4, 6, 3)
    assert (picture[0, 0, 0] == picture[0, 0]).all()
    assert picture.max() == (255 if mode == "1" else 128)


@pytest.mark.parametrize(
    ("depth", "colours", "row", "expected"),
    [
        (1, 0, b"\x40", (0, 255)),
        (2, 0, b"\x10", (0, 85)),
        (4, 0, b"\x0f", (0, 255)),
        (8, 0, b"\x00\x63", (0, 99)),
        (16, 0, b"\x00\xff\x63\x00", (0, 99)),
        (16, 2, b"\x00\xff\x00\xff\x00\xff\x63\xff\x63\xff\x63\xff", (0, 99)),
        (8, 4, b"\x00\xff\x63\x00", (0, 99)),
        (16, 4, b"\x00\xff\xff\xff\x63\x00\x00\x00", (0, 99)),
        (16, 6, b"\x00\xff\x00\xff\x00\xff\x00\x00" + b"\x63\xff" * 3 + b"\x00\x00", (0, 99)),
    ],
)
def test_every_depth_of_png_is_scaled_to_eight_bits(decoded, depth, colours, row, expected):
    picture = decoded(PNG, png(2, 1, b"\0" + row, depth, colours))
    assert picture[0, :, 0].tolist() == list(expected)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palettes_of_every_depth_are_looked_up(decoded, depth):
    picture = decoded(PNG, png(1, 1, b"\0" + bytes([1 << (8 - depth)]), depth, 3))
    assert picture[0, 0].tolist() == [3, 4, 5]


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (24, 36)])
def test_an_interlaced_png_is_decoded(decoded, size):
    assert np.array_equal(decoded(PNG, interlaced_png(gradient(*size))), gradient(*size))


@cache
def bomb() -> bytes:
    """A hundred mebibytes of nothing, compressed where a test asks for it."""
    return zlib.compress(bytes(100 << 20), 9)


GREY = encoded(PNG, gradient())


@pytest.mark.parametrize(
    "made",
    [
        lambda: with_chunks(GREY, chunk(b"zTXt", b"a\0\0" + bomb())),
        lambda: with_chunks(GREY, chunk(b"iCCP", b"a\0\0" + bomb())),
        lambda: with_chunks(GREY, chunk(b"iTXt", b"a\0\1\0\0\0" + bomb())),
        lambda: with_chunks(
            GREY, *200 * [chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20)))]
        ),
        lambda: with_chunks(GREY, chunk(b"tEXt", b"a\0" + bytes(3 << 20))),
        lambda: with_chunks(GREY, chunk(b"gAMA", b"\0\0\0\0")),
        lambda: with_chunks(GREY, struct.pack(">I", 4) + b"tEXt" + bytes(8)),
        lambda: with_chunks(GREY, chunk(b"prIV", b"x"), chunk(b"eXIf", b"MM\0*" + bytes(9))),
        lambda: with_chunks(GREY, chunk(b"tRNS", bytes(6))),
        lambda: GREY[:-12],
        lambda: GREY + b"behind",
    ],
    ids=range(11),
)
def test_what_a_png_holds_beside_its_pixels_is_not_read(decoded, made):
    assert np.array_equal(decoded(PNG, made()), gradient())


def test_of_an_animation_the_first_picture_is_decoded(decoded):
    frames = [Image.fromarray(gradient() + step) for step in range(3)]
    for codec, options in ((PNG, {}), (WEBP, {"lossless": True})):
        payload = encoded(codec, frames[0], save_all=True, append_images=frames[1:], **options)
        assert np.array_equal(decoded(codec, payload), gradient())


def test_a_png_with_more_data_than_pixels_is_refused(decoded):
    empty_blocks = chunk(b"IDAT", b"\x78\x01" + b"\0\0\0\xff\xff" * 100_000)
    with pytest.raises(FrameUndecodableError, match="far more data"):
        decoded(PNG, with_chunks(GREY, empty_blocks))


def test_a_png_of_countless_chunks_is_refused(decoded):
    with pytest.raises(FrameUndecodableError, match="chunks"):
        decoded(PNG, with_chunks(GREY, *[chunk(b"tEXt", b"")] * 70_000))


# WebP.


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("extras", [{}, {"exif": b"Exif\0\0MM", "icc_profile": bytes(200)}])
@pytest.mark.parametrize("size", [(1, 1), (3, 500), (24, 36)])
def test_every_kind_of_webp_becomes_rgb(decoded, lossless, mode, extras, size):
    image = Image.fromarray(gradient(*size)).convert(mode)
    payload = encoded(WEBP, image, lossless=lossless, **extras)
    assert np.array_equal(decoded(WEBP, payload), as_pillow_reads(payload))
    assert np.array_equal(decoded(WEBP, payload + b"behind"), as_pillow_reads(payload))


def test_a_webp_that_contradicts_its_header_is_refused(decoded):
    payload = bytearray(encoded(WEBP, gradient(), exif=b"Exif\0\0MM"))
    assert payload[12:16] == b"VP8X"
    payload[24] += 1
    with pytest.raises(FrameUndecodableError):
        decoded(WEBP, bytes(payload))
