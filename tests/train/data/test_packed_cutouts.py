"""Named cut-outs of packed pictures: whole and certain ones, and backgrounds without objects."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskstream_model.errors import DatasetError
from maskstream_train.data.synthetic import ClipGenerator, SyntheticConfig
from maskstream_train.data.synthetic.config import LABELS
from maskstream_train.data.synthetic.packed_cutouts import PackedCutouts
from support.packed_pictures import (
    BIRD,
    BLUE,
    CLASSES,
    DOG,
    PERSON,
    RED,
    PackedFile,
    box,
    small_file,
)

CONFIG = SyntheticConfig(height=64, width=96, num_frames=2, cutout_ratio=1.0, empty_ratio=0.0)


def test_each_object_has_the_label_that_it_is_marked_with(tmp_path: Path) -> None:
    cutouts, rng = PackedCutouts(small_file(tmp_path)), np.random.default_rng(0)
    drawn = [cutouts.draw(rng) for _ in range(60)]
    assert {one.label for one in drawn} == {PERSON, DOG, BIRD}
    for one in drawn:
        pixels = one.frames[0].levels[0]
        red, _, blue = pixels[pixels[..., 3] > 0][:, :3].mean(axis=0)
        assert (red > blue) == (one.label == PERSON)
    assert max(len(one.frames) for one in drawn if one.label == BIRD) == 5


def test_small_cut_and_uncertain_objects_are_left_out(tmp_path: Path) -> None:
    packed = PackedFile(tmp_path)
    packed.add([(PERSON, box(200, 0, 40, 60), 1.0), (DOG, box(50, 50, 60, 60), 0.6)], [RED, BLUE])
    packed.add([(PERSON, box(50, 50, 10, 10), 1.0)], [RED])
    packed.add([(PERSON, box(60, 60, 60, 60), 1.0)], [BLUE])
    cutouts, rng = PackedCutouts(packed.write()), np.random.default_rng(0)
    for _ in range(20):
        one = cutouts.draw(rng)
        assert one.label == PERSON
        assert one.frames[0].levels[0][30, 30, 2] > 150


def test_rare_classes_are_drawn_more_often_than_their_share(tmp_path: Path) -> None:
    packed = PackedFile(tmp_path)
    for _ in range(16):
        packed.add([(PERSON, box(60, 60, 60, 60), 1.0)], [RED])
    packed.add([(DOG, box(60, 60, 60, 60), 1.0)], [BLUE])
    cutouts, rng = PackedCutouts(packed.write()), np.random.default_rng(0)
    counts = Counter(cutouts.draw(rng).label for _ in range(400))
    assert 90 < counts[DOG] < 160  # Three of ten, where one picture of 17 shows it.


def test_backgrounds_are_pieces_of_complete_pictures_without_objects(tmp_path: Path) -> None:
    cutouts, rng = PackedCutouts(small_file(tmp_path)), np.random.default_rng(0)
    background = cutouts.draw_background(rng)
    assert background is not None
    assert np.abs(background.astype(int) - 120).max() < 25  # The only complete one is grey.


def test_a_file_without_complete_pictures_has_no_backgrounds(tmp_path: Path) -> None:
    packed = PackedFile(tmp_path)
    packed.add([(DOG, box(60, 60, 60, 60), 1.0)], [BLUE])
    assert PackedCutouts(packed.write()).draw_background(np.random.default_rng(0)) is None


def test_clips_of_the_generator_have_everyday_labels_in_any_order(tmp_path: Path) -> None:
    config = replace(CONFIG, cutouts=small_file(tmp_path))
    first, second = ClipGenerator(config, 1), ClipGenerator(config, 1)
    expected = [first.clip(index) for index in range(12)]
    for index in (7, 1, 11):
        clip = second.clip(index)
        assert np.array_equal(clip.frames, expected[index].frames)
        assert np.array_equal(clip.labels, expected[index].labels)
    assert {int(label) for clip in expected for label in clip.labels} >= {PERSON, DOG, BIRD}


def test_drawn_things_have_names_of_the_everyday_classes() -> None:
    assert {CLASSES[label] for label in LABELS.values()} == {
        *("person", "bird", "car", "truck", "bottle", "other")
    }


def test_what_does_not_fit_is_one_clear_error(tmp_path: Path) -> None:
    packed = PackedFile(tmp_path)
    packed.add([(DOG, box(60, 60, 60, 60), 0.6)], [BLUE])
    file = packed.write()
    with pytest.raises(DatasetError, match="no object of a certain class"):
        ClipGenerator(replace(CONFIG, cutouts=file), 0)
