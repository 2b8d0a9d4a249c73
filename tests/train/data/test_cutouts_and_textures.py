"""Cut-out and texture folders: pasted objects, classes by name, errors that name the file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskstream_model.errors import DatasetError
from maskstream_train.data.synthetic import ClipGenerator, SyntheticConfig
from maskstream_train.data.synthetic.config import NAMES
from maskstream_train.data.synthetic.cutouts import CutoutLibrary, class_of, clean_mask

ORANGE = (250, 120, 10)
CALM = SyntheticConfig(
    height=64,
    width=96,
    num_frames=3,
    min_visible_ratio=1 / 320,
    empty_ratio=0.0,
    cutout_ratio=1.0,
    degradation=0.0,
)


def given(folder: Path) -> tuple[SyntheticConfig, SyntheticConfig]:
    return replace(CALM, cutouts=folder), replace(CALM, textures=folder)


def write_frame(folder: Path, number: int, shift: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    picture = np.full((60, 80, 3), 90, np.uint8)
    mask = np.zeros((60, 80), np.uint8)
    mask[20:44, 20 + shift : 60 + shift] = 255
    picture[mask > 0] = ORANGE
    Image.fromarray(picture).save(folder / f"{number:05d}.jpg", quality=95)
    Image.fromarray(mask).save(folder / f"{number:05d}.png")


def ask_for_clips(generator: ClipGenerator, count: int) -> None:
    for index in range(count):
        generator.clip(index)


@pytest.fixture
def cutouts(tmp_path: Path) -> Path:
    for name in ("camel", "drift-turn"):
        for number in range(5):
            write_frame(tmp_path / "cutouts" / name, number, shift=number)
    return tmp_path / "cutouts"


def test_cutouts_keep_their_look_and_their_class(cutouts: Path) -> None:
    generator = ClipGenerator(replace(CALM, cutouts=cutouts), 5)
    orange = 0
    for index in range(12):
        clip = generator.clip(index)
        for number, label in enumerate(clip.labels):
            pixels = clip.frames[clip.masks[:, number]].mean(axis=0)
            orange += bool(pixels[0] > pixels[2] + 60 and NAMES[label] in ("car", "other"))
    assert orange >= 5


def test_clips_with_cutouts_are_the_same_in_any_order(cutouts: Path) -> None:
    config = replace(CALM, cutouts=cutouts)
    first, second = ClipGenerator(config, 1), ClipGenerator(config, 1)
    expected = [first.clip(index) for index in range(4)]
    for index in (3, 1, 0, 2):
        assert np.array_equal(second.clip(index).frames, expected[index].frames)
        assert np.array_equal(second.clip(index).masks, expected[index].masks)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        *(("dance-twirl", "person"), ("horsejump-high", "horse"), ("drift-chicane", "car")),
        *(("cows", "other"), ("cow", "cow"), ("teapot", "other")),
    ],
)
def test_the_name_of_a_sequence_gives_its_class(name: str, label: str) -> None:
    assert NAMES[class_of(name)] == label


def test_crumbs_of_a_mask_are_dropped() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[5:30, 5:30] = 1
    mask[36, 36] = 1
    cleaned = clean_mask(mask, "camel")
    assert cleaned[10, 10] == 255
    assert cleaned[36, 36] == 0


def test_frames_that_the_border_cuts_are_left_out(tmp_path: Path) -> None:
    for number in range(6):
        write_frame(tmp_path / "car", number, shift=20 if number == 0 else number)
    sequence = CutoutLibrary(tmp_path).sequence(0)
    assert len(sequence.frames) == 5


def test_an_object_beside_which_there_is_room_lends_a_background(tmp_path: Path) -> None:
    folder = tmp_path / "goat"
    folder.mkdir()
    picture = np.full((240, 320, 3), 90, np.uint8)
    mask = np.zeros((240, 320), np.uint8)
    mask[100:140, 20:60] = 255
    picture[mask > 0] = ORANGE
    Image.fromarray(picture).save(folder / "00000.jpg", quality=95)
    Image.fromarray(mask).save(folder / "00000.png")
    (background,) = CutoutLibrary(tmp_path).sequence(0).backgrounds
    assert np.abs(background.astype(int) - 90).max() < 12


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    for config in given(tmp_path / "nowhere"):
        with pytest.raises(DatasetError, match="nowhere"):
            ClipGenerator(config, 0)


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    (tmp_path / "hollow").mkdir()
    for config in given(tmp_path / "hollow"):
        with pytest.raises(DatasetError, match="hollow"):
            ClipGenerator(config, 0)


def test_a_picture_without_mask_is_named(cutouts: Path) -> None:
    (cutouts / "camel" / "00003.png").unlink()
    with pytest.raises(DatasetError, match=r"00003\.jpg"):
        ClipGenerator(replace(CALM, cutouts=cutouts), 0)


def test_masks_without_pictures_are_named(cutouts: Path) -> None:
    for path in (cutouts / "camel").glob("*.jpg"):
        path.unlink()
    with pytest.raises(DatasetError, match="camel"):
        ClipGenerator(replace(CALM, cutouts=cutouts), 0)


def test_an_unreadable_picture_is_named(cutouts: Path) -> None:
    path = cutouts / "camel" / "00002.jpg"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DatasetError, match=r"00002\.jpg"):
        CutoutLibrary(cutouts).sequence(0)


def test_a_mask_of_another_size_is_named(cutouts: Path) -> None:
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(cutouts / "camel" / "00001.png")
    with pytest.raises(DatasetError, match=r"00001\.png is 10x10"):
        CutoutLibrary(cutouts).sequence(0)


def test_a_sequence_of_empty_masks_is_named(cutouts: Path) -> None:
    for path in (cutouts / "camel").glob("*.png"):
        Image.fromarray(np.zeros((60, 80), np.uint8)).save(path)
    with pytest.raises(DatasetError, match="camel"):
        CutoutLibrary(cutouts).sequence(0)


def test_pictures_lend_backgrounds(tmp_path: Path) -> None:
    """With one green picture, some clips without objects are mostly green."""
    (tmp_path / "textures").mkdir()
    Image.new("RGB", (120, 90), (20, 200, 30)).save(tmp_path / "textures" / "lawn.png")
    config = replace(CALM, textures=tmp_path / "textures", empty_ratio=1.0, num_frames=1)
    generator = ClipGenerator(config, 2)
    means = [generator.clip(index).frames.mean(axis=(0, 1, 2)) for index in range(25)]
    green = sum(bool(g > r + 50 and g > b + 50) for r, g, b in means)
    assert green >= 4


def test_an_unreadable_texture_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"broken\.png"):
        ask_for_clips(ClipGenerator(replace(CALM, textures=tmp_path), 0), 30)


def test_a_real_sequence_is_read(test_data: Path) -> None:
    folder = test_data / "cutouts" / "davis" / "drift-straight"
    if not folder.is_dir():
        pytest.skip("no cutouts/davis in the test data")
    sequence = CutoutLibrary(folder).sequence(0)
    assert sequence.label == 2
    assert len(sequence.frames) > 10


@pytest.mark.parametrize("real", [False, True])
def test_objects_of_lookalike_clips_differ_in_place_only(cutouts: Path, real: bool) -> None:
    calm = replace(CALM, max_objects=4, cutouts=cutouts if real else None)
    alike = _colour_spread(replace(calm, lookalike_ratio=1.0))
    assert alike < 0.5 * _colour_spread(replace(calm, lookalike_ratio=0.0))


def _colour_spread(config: SyntheticConfig) -> float:
    """How far the mean colours of a clip's objects lie apart, over 20 clips."""
    generator = ClipGenerator(config, 5)
    spreads = []
    for index in range(20):
        clip = generator.clip(index)
        colours = [clip.frames[clip.masks[:, number]].mean(0) for number in range(len(clip.labels))]
        spreads += [np.std(colours, axis=0).mean()] if len(colours) > 1 else []
    return float(np.mean(spreads))
