"""`maskstream score panoptic`: what is wrong with files is one clear sentence."""

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from support.panoptic_clip import CAR, ROAD, PanopticClip


@pytest.fixture
def clip(tmp_path: Path) -> PanopticClip:
    return PanopticClip(tmp_path)


def _unknown_category(clip: PanopticClip) -> None:
    clip.segments("pred", 1)[0]["category_id"] = 8


def _unknown_true_category(clip: PanopticClip) -> None:
    clip.segments("gt", 1)[0]["category_id"] = 8


def _unlisted_id(clip: PanopticClip) -> None:
    clip.draw("pred", 1, np.where(clip.ids == CAR, 9, ROAD))


def _unlisted_true_id(clip: PanopticClip) -> None:
    clip.segments("gt", 0).pop()


def _undrawn_id(clip: PanopticClip) -> None:
    clip.segments("pred", 0).append({"id": 12, "category_id": 7})


def _id_twice(clip: PanopticClip) -> None:
    clip.segments("pred", 0).append({"id": CAR, "category_id": 7})


def _id_out_of_range(clip: PanopticClip) -> None:
    clip.segments("pred", 0)[1]["id"] = 2**24


def _no_area(clip: PanopticClip) -> None:
    del clip.segments("gt", 1)[1]["area"]


def _unknown_video(clip: PanopticClip) -> None:
    clip.found["annotations"].append({"video_id": "w", "annotations": []})


def _missing_video(clip: PanopticClip) -> None:
    clip.found["annotations"].clear()


def _video_twice(clip: PanopticClip) -> None:
    clip.found["annotations"] *= 2


def _missing_frame(clip: PanopticClip) -> None:
    clip.found["annotations"][0]["annotations"].pop()


def _unannotated_frame(clip: PanopticClip) -> None:
    clip.truth["annotations"][0]["annotations"].pop()


def _wrong_size(clip: PanopticClip) -> None:
    clip.draw("pred", 0, clip.ids[1:])


def _grey_picture(clip: PanopticClip) -> None:
    Image.new("L", (6, 4)).save(clip.picture("pred", 0))


def _missing_picture(clip: PanopticClip) -> None:
    clip.picture("gt", 1).unlink()


def _no_picture(clip: PanopticClip) -> None:
    clip.picture("pred", 1).write_text("png")


def _cut_picture(clip: PanopticClip) -> None:
    path = clip.picture("pred", 1)
    path.write_bytes(path.read_bytes()[:-30])


def _torn_picture(clip: PanopticClip) -> None:
    path = clip.picture("pred", 1)
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)


def _garbled_pixels(clip: PanopticClip) -> None:
    path = clip.picture("pred", 1)
    content = path.read_bytes()
    start = content.index(b"IDAT")
    data = b"IDAT" + b"\xff" * int.from_bytes(content[start - 4 : start], "big")
    checksum = zlib.crc32(data).to_bytes(4, "big")
    path.write_bytes(content[:start] + data + checksum + content[start + len(data) + 4 :])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_unknown_category, "pred.json: video v, frame 1: segment 300 has unknown category 8"),
        (_unknown_true_category, "gt.json: video v, frame 1: segment 300 has unknown category 8"),
        (_unlisted_id, "1.png: id 9 is not listed"),
        (_unlisted_true_id, "0.png: id 70001 is not listed"),
        (_undrawn_id, "pred.json: video v, frame 0: segment 12 is not in"),
        (_id_twice, "pred.json: video v, frame 0: an id is listed twice: 70001"),
        (_id_out_of_range, "pred.json: video v, frame 0, segment 1 is not as it should be"),
        (_no_area, "gt.json: video v, frame 1, segment 1 has no 'area'"),
        (_unknown_video, "pred.json: video w is not listed in"),
        (_missing_video, "pred.json: video v is missing"),
        (_video_twice, "pred.json: video v is annotated twice"),
        (_missing_frame, "pred.json: video v has 1 of 2 frames"),
        (_unannotated_frame, "gt.json: video v has 2 images, 1 annotated"),
        (_wrong_size, "0.png is 6x3, it should be 6x4"),
        (_grey_picture, "0.png is L, it should be RGB"),
        (_missing_picture, "1.png cannot be read as a picture"),
        (_no_picture, "1.png cannot be read as a picture"),
        (_cut_picture, "1.png cannot be read as a picture"),
        (_torn_picture, "1.png"),
        (_garbled_pixels, "1.png cannot be read as a picture"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(
    clip: PanopticClip, spoil: Callable[[PanopticClip], None], sentence: str
) -> None:
    spoil(clip)
    _refused(clip.score(), sentence)


@pytest.mark.parametrize("name", ["gt.json", "pred.json"])
@pytest.mark.parametrize("text", [None, "{", "[]", "7", '{"annotations": [3]}'])
def test_a_file_that_is_missing_or_broken_is_named(
    clip: PanopticClip, name: str, text: str | None
) -> None:
    clip.score()
    if text is None:
        (clip.folder / name).unlink()
    else:
        (clip.folder / name).write_text(text)
    _refused(clip.score_files(), name)


def _refused(result: Result, sentence: str) -> None:
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit), result.exception
    assert sentence in result.output
    assert "Traceback" not in result.output
