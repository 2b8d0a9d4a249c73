import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from maskstream_protocol.errors import FrameTooLargeError, FrameUndecodableError
from maskstream_server.streaming.decode import upright
from support import pictures
from support.pictures import (
    JPEG,
    PNG,
    RGB24,
    WEBP,
    encoded,
    gradient,
    jpeg_that_says,
    noise,
    png,
    running_pool,
    scan_bomb,
)

MAX_PIXELS = 9_437_184


@pytest.fixture(scope="module")
def pool():
    with running_pool(max_pixels=MAX_PIXELS) as running:
        yield running


@pytest.fixture
def decoded(pool):
    def decode(codec: int, payload: bytes, **fields: int) -> np.ndarray:
        return pictures.decoded(pool, codec, payload, **fields)

    return decode


@pytest.mark.parametrize("codec", [JPEG, PNG, WEBP])
def test_each_codec_gives_the_upright_rgb_picture(decoded, codec):
    options = {"quality": 95} if codec is not PNG else {}
    if codec is WEBP:
        options["lossless"] = True
    picture = decoded(codec, encoded(codec, gradient(), **options))
    tolerance = 12 if codec is JPEG else 0
    assert (picture.shape, picture.dtype) == ((24, 36, 3), np.uint8)
    assert np.abs(picture.astype(int) - gradient()).max() <= tolerance


def test_rgb24_is_taken_as_it_is_without_a_process():
    idle = pictures.new_pool()
    picture = pictures.decoded(idle, RGB24, gradient().tobytes(), width=36, height=24)
    assert np.array_equal(picture, gradient())
    assert idle.num_alive == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_headers_orientation_turns_the_picture_as_exif_says(orientation):
    image = Image.fromarray(gradient())
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded(PNG, image, exif=exif))))
    picture = upright(gradient(), orientation)
    assert np.array_equal(picture, np.asarray(expected))
    assert picture.flags.c_contiguous


@pytest.mark.parametrize("codec", [JPEG, PNG, WEBP])
def test_exif_inside_the_payload_is_ignored(decoded, codec):
    exif = Image.Exif()
    exif[0x0112] = 6
    payload = encoded(codec, gradient(), exif=exif)
    assert decoded(codec, payload).shape == (24, 36, 3)
    assert decoded(codec, payload, orientation=6).shape == (36, 24, 3)


@pytest.mark.parametrize("codec", [JPEG, PNG, WEBP])
@pytest.mark.parametrize("part", [0, 1, 10, 0.3, 0.9])
def test_a_truncated_picture_is_undecodable(decoded, codec, part):
    payload = encoded(codec, noise(24, 36))
    kept = int(len(payload) * part) if isinstance(part, float) else part
    with pytest.raises(FrameUndecodableError):
        decoded(codec, payload[:kept])


@pytest.mark.parametrize("codec", [JPEG, PNG, WEBP])
@pytest.mark.parametrize("really", [JPEG, PNG, WEBP])
def test_a_picture_of_another_codec_is_undecodable(decoded, codec, really):
    if codec is really:
        return
    with pytest.raises(FrameUndecodableError):
        decoded(codec, encoded(really, gradient()))


@pytest.mark.parametrize("codec", [JPEG, PNG, WEBP])
def test_damaged_bytes_never_raise_anything_else_and_cost_no_process(pool, decoded, codec):
    rng = np.random.default_rng(0)
    payload = np.frombuffer(encoded(codec, gradient()), np.uint8)
    pids = [worker.pid for worker in pool.workers]
    for _ in range(200):
        hurt = payload.copy()
        hurt[rng.integers(0, len(hurt), 5)] = rng.integers(0, 256, 5)
        try:
            picture = decoded(codec, hurt.tobytes())
        except (FrameUndecodableError, FrameTooLargeError):
            continue
        assert picture.shape[0] * picture.shape[1] <= MAX_PIXELS
    assert [worker.pid for worker in pool.workers] == pids


@pytest.mark.parametrize("declared", [{"width": 35}, {"height": 25}, {"width": 24, "height": 36}])
def test_a_picture_that_is_not_of_its_declared_size_is_undecodable(decoded, declared):
    with pytest.raises(FrameUndecodableError, match="declares"):
        decoded(JPEG, encoded(JPEG, gradient()), **declared)


@pytest.mark.parametrize("size", [(0, 0), (24, 0), (24, 35), (36, 24 + 1)])
def test_rgb24_needs_exactly_the_bytes_of_its_size(decoded, size):
    height, width = size
    with pytest.raises(FrameUndecodableError):
        decoded(RGB24, gradient().tobytes(), width=width, height=height)


def test_an_orientation_that_does_not_exist_is_undecodable(decoded):
    with pytest.raises(FrameUndecodableError):
        decoded(JPEG, encoded(JPEG, gradient()), orientation=9)


def webp_that_says(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + size + bytes(8)


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        (JPEG, jpeg_that_says(65500, 65500)),
        (PNG, png(2**31 - 1, 2**31 - 1, b"")),
        (WEBP, webp_that_says(1 << 24, 1 << 24)),
        (PNG, png(40_000, 1, b"")),
        (PNG, png(1, 9_000_000, b"")),
    ],
)
def test_absurd_dimensions_are_refused_before_decoding(decoded, codec, payload):
    with pytest.raises(FrameTooLargeError, match="the limit"):
        decoded(codec, payload)


def test_a_picture_too_large_is_called_so_whatever_size_it_declares(decoded):
    with pytest.raises(FrameTooLargeError):
        decoded(JPEG, jpeg_that_says(65500, 65500), width=36, height=24)


def test_a_picture_that_is_too_much_work_is_refused_by_its_structure(pool, decoded):
    pids = [worker.pid for worker in pool.workers]
    with pytest.raises(FrameUndecodableError, match="20002 times over its 3072 x 3056 pixels"):
        decoded(JPEG, scan_bomb(3072, 3056, 20_000))
    assert [worker.pid for worker in pool.workers] == pids


def test_hostile_pictures_of_the_workplace_are_refused(decoded, test_data):
    for name in (
        "jpeg_says_65500x65500.jpg",
        "png_169Mpx_rgb_under_pillow_error_limit.png",
        "png_bomb_50000x50000_1bit.png",
        "png_says_2147483647.png",
    ):
        payload = (test_data / "hostile" / name).read_bytes()
        with pytest.raises(FrameTooLargeError):
            decoded(JPEG if name.endswith("jpg") else PNG, payload)


def test_what_cameras_leave_out_is_no_fault_but_missing_data_is(decoded, test_data):
    folder = test_data / "faults" / "jpeg_no_end_marker"
    whole = (folder / "without_end_marker.jpg").read_bytes()
    expected = decoded(JPEG, whole + b"\xff\xd9")
    assert np.array_equal(decoded(JPEG, whole), expected)
    assert decoded(JPEG, (folder / "leading_crlf.jpg").read_bytes()).shape == expected.shape
    with pytest.raises(FrameUndecodableError, match="ends within"):
        decoded(JPEG, (folder / "truncated_90_percent.jpg").read_bytes())
