import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from maskstream_protocol.errors import FrameTooLargeError, FrameUndecodableError
from maskstream_protocol.frames import FrameCodec, FrameMessage
from maskstream_server.streaming.decode import decode_picture, upright
from maskstream_server.streaming.picture_header import NotThisCodecError, picture_size

LIMIT = 10_000
JPEG, PNG, WEBP, RGB24 = FrameCodec.JPEG, FrameCodec.PNG, FrameCodec.WEBP, FrameCodec.RGB24


def gradient(height: int = 24, width: int = 36) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 5, columns * 5, rows + columns], axis=-1).astype(np.uint8)


def encoded(codec: FrameCodec, picture: np.ndarray | Image.Image, **options) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, codec.name, **options)
    return buffer.getvalue()


def decoded(codec: int, payload: bytes, **fields) -> np.ndarray:
    return decode_picture(FrameMessage(1, 1, codec, payload, **fields), LIMIT)


@pytest.mark.parametrize("codec", [JPEG, PNG, WEBP])
def test_each_codec_gives_the_upright_rgb_picture(codec):
    options = {"quality": 95} if codec is not PNG else {}
    if codec is WEBP:
        options["lossless"] = True
    picture = decoded(codec, encoded(codec, gradient(), **options))
    tolerance = 12 if codec is JPEG else 0
    assert (picture.shape, picture.dtype) == ((24, 36, 3), np.uint8)
    assert np.abs(picture.astype(int) - gradient()).max() <= tolerance


def test_rgb24_is_taken_as_it_is():
    picture = decoded(RGB24, gradient().tobytes(), width=36, height=24)
    assert np.array_equal(picture, gradient())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_rgb(mode):
    grey = Image.fromarray(np.full((4, 6), 128, np.uint8))
    image = Image.new("I;16", (6, 4), 128 << 8) if mode == "I;16" else grey.convert(mode)
    picture = decoded(PNG, encoded(PNG, image))
    assert picture.shape == (4, 6, 3)
    assert (picture[0, 0, 0] == picture[0, 0]).all()
    assert picture.max() == (255 if mode == "1" else 128)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_every_kind_of_jpeg_becomes_rgb(mode):
    image = Image.fromarray(gradient()).convert(mode)
    assert decoded(JPEG, encoded(JPEG, image)).shape == (24, 36, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_headers_orientation_turns_the_picture_as_exif_says(orientation):
    from PIL import ImageOps

    image = Image.fromarray(gradient())
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded(PNG, image, exif=exif))))
    picture = upright(gradient(), orientation)
    assert np.array_equal(picture, np.asarray(expected))
    assert picture.flags.c_contiguous


def test_exif_inside_the_payload_is_ignored():
    exif = Image.Exif()
    exif[0x0112] = 6
    payload = encoded(JPEG, gradient(), exif=exif)
    assert decoded(JPEG, payload).shape == (24, 36, 3)
    assert decoded(JPEG, payload, orientation=6).shape == (36, 24, 3)


@pytest.mark.parametrize("codec", [JPEG, PNG, WEBP])
@pytest.mark.parametrize("part", [0, 1, 10, 0.3, 0.9])
def test_a_truncated_picture_is_undecodable(codec, part):
    noise = np.random.default_rng(0).integers(0, 256, (24, 36, 3), np.uint8)
    payload = encoded(codec, noise)
    kept = int(len(payload) * part) if isinstance(part, float) else part
    with pytest.raises(FrameUndecodableError):
        decoded(codec, payload[:kept])


@pytest.mark.parametrize("codec", [JPEG, PNG, WEBP])
@pytest.mark.parametrize("really", [JPEG, PNG, WEBP])
def test_a_picture_of_another_codec_is_undecodable(codec, really):
    if codec is really:
        return
    with pytest.raises(FrameUndecodableError):
        decoded(codec, encoded(really, gradient()))


@pytest.mark.parametrize("codec", [JPEG, PNG, WEBP])
def test_damaged_bytes_never_raise_anything_else(codec):
    rng = np.random.default_rng(0)
    payload = np.frombuffer(encoded(codec, gradient()), np.uint8)
    for _ in range(200):
        hurt = payload.copy()
        hurt[rng.integers(0, len(hurt), 5)] = rng.integers(0, 256, 5)
        try:
            picture = decoded(codec, hurt.tobytes())
        except (FrameUndecodableError, FrameTooLargeError):
            continue
        assert picture.shape[0] * picture.shape[1] <= LIMIT


@pytest.mark.parametrize("declared", [{"width": 35}, {"height": 25}, {"width": 24, "height": 36}])
def test_a_picture_that_is_not_of_its_declared_size_is_undecodable(declared):
    with pytest.raises(FrameUndecodableError, match="declares"):
        decoded(JPEG, encoded(JPEG, gradient()), **declared)


@pytest.mark.parametrize("size", [(0, 0), (24, 0), (24, 35), (36, 24 + 1)])
def test_rgb24_needs_exactly_the_bytes_of_its_size(size):
    height, width = size
    with pytest.raises(FrameUndecodableError):
        decoded(RGB24, gradient().tobytes(), width=width, height=height)


def test_an_orientation_that_does_not_exist_is_undecodable():
    with pytest.raises(FrameUndecodableError):
        decoded(JPEG, encoded(JPEG, gradient()), orientation=9)


def png_that_says(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\r" + chunk + struct.pack(">I", zlib.crc32(chunk))


def webp_that_says(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + size + bytes(8)


def jpeg_that_says(width: int, height: int) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes(9)
    return b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2" + struct.pack(">H", 2 + len(frame)) + frame


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        (JPEG, jpeg_that_says(65500, 65500)),
        (PNG, png_that_says(2**31 - 1, 2**31 - 1)),
        (WEBP, webp_that_says(1 << 24, 1 << 24)),
        (PNG, png_that_says(40_000, 1)),
        (PNG, png_that_says(1, 9_000_000)),
    ],
)
def test_absurd_dimensions_are_refused_before_decoding_and_without_warnings(codec, payload):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FrameTooLargeError):
            decode_picture(FrameMessage(1, 1, codec, payload), 9_437_184)


def test_a_picture_too_large_is_called_so_whatever_size_it_declares():
    with pytest.raises(FrameTooLargeError):
        decoded(JPEG, jpeg_that_says(65500, 65500), width=36, height=24)


@pytest.mark.parametrize("codec", [JPEG, PNG, WEBP])
@pytest.mark.parametrize("size", [(1, 1), (3, 500), (24, 36)])
@pytest.mark.parametrize("lossless", [False, True])
def test_the_size_is_read_from_the_pictures_own_header(codec, size, lossless):
    options = {"lossless": True} if lossless and codec is WEBP else {}
    if lossless and codec is JPEG:
        options = {"progressive": True}
    assert picture_size(codec, encoded(codec, gradient(*size), **options)) == size


def test_the_search_for_a_jpegs_size_is_bounded():
    with pytest.raises(NotThisCodecError):
        picture_size(JPEG, b"\xff\xd8" + b"\xff" * 3_000_000)


def test_hostile_pictures_of_the_workplace_are_refused_without_warnings(test_data):
    refused = {
        "jpeg_says_65500x65500.jpg": FrameTooLargeError,
        "png_169Mpx_rgb_under_pillow_error_limit.png": FrameTooLargeError,
        "png_bomb_50000x50000_1bit.png": FrameTooLargeError,
        "png_says_2147483647.png": FrameTooLargeError,
    }
    for name, error in refused.items():
        payload = (test_data / "hostile" / name).read_bytes()
        codec = JPEG if name.endswith("jpg") else PNG
        with pytest.raises(error):
            decode_picture(FrameMessage(1, 1, codec, payload), 9_437_184)
