"""Objects of packed videos keep an id where it is known, and nothing is said where it is not."""

from pathlib import Path

import numpy as np
import pytest

from maskstream_model.aliases import Bools
from maskstream_train.data.packed import DOUBTFUL, KNOWN, UNKNOWN, PackedObject, PackedPictures
from maskstream_train.data.packed_sequences import PackedSequences
from maskstream_train.data.packing.writing import write_pack
from support.packs import CLASSES, box, picture, thing

PERSON, BICYCLE = 0, 1
Shown = list[tuple[PackedObject, Bools]]


def person(left: int, exact: bool = True) -> tuple[PackedObject, Bools]:
    mask = box(10, left, 40, left + 20)
    return thing(PERSON, mask, 1.0 if exact else 0.8, exact), mask


def bicycle(left: int) -> tuple[PackedObject, Bools]:
    mask = box(40, left, 60, left + 20)
    return thing(BICYCLE, mask), mask


def opened(folder: Path, frames: list[Shown]) -> PackedSequences:
    pictures = [picture(folder, shown, "ride", 4 * number) for number, shown in enumerate(frames)]
    write_pack(folder / "pack.zip", [*pictures, picture(folder, [person(0)])], CLASSES)
    return PackedSequences(PackedPictures(folder / "pack.zip"))


def test_stills_are_no_videos(tmp_path):
    assert opened(tmp_path, [[person(0)]] * 3).videos == ((1, 2, 3),)


def test_the_only_marked_object_of_a_class_is_itself_however_far_it_jumps(tmp_path):
    ride = opened(tmp_path, [[person(0), bicycle(0)], [bicycle(70), person(70)]])
    first, second = ride.ids(0)
    assert first == second[::-1]
    clip = ride.clip(0, [0, 1], everywhere=True)
    assert clip.labels.tolist() == [PERSON, BICYCLE]
    assert clip.masks[:, 0, 20].any(axis=1).all()
    assert clip.masks[1, 0, 20, 75]


def test_objects_of_a_teacher_are_the_same_where_they_overlap(tmp_path):
    frames = [[person(0, False), person(60, False)], [person(62, False), person(3, False)]]
    first, second = opened(tmp_path, frames).ids(0)
    assert first == second[::-1]


@pytest.mark.parametrize("exact", [True, False])
def test_an_object_that_jumps_among_its_like_is_another_one(tmp_path, exact):
    frames = [[person(0, exact), person(60, exact)], [person(0, exact), person(30, exact)]]
    first, second = opened(tmp_path, frames).ids(0)
    assert first[0] == second[0]
    assert len({*first, *second}) == 3


def test_an_object_that_is_marked_on_some_frames_only_is_doubtful_there(tmp_path):
    """A gap of labels looks the same as one that has gone: it is neither taught nor denied."""
    ride = opened(tmp_path, [[person(0), bicycle(50)], [person(2)], [person(4), bicycle(52)]])
    whole = ride.clip(0, [0, 1, 2], everywhere=True)
    assert whole.labels.tolist() == [PERSON]
    assert whole.masks.any(axis=(2, 3)).all()
    assert (whole.ignored[0][bicycle(50)[1]] == DOUBTFUL).all()
    assert (whole.ignored[1][bicycle(50)[1]] == UNKNOWN).all()
    assert (whole.ignored[:, 0, 0] == UNKNOWN).all()
    assert (whole.ignored[1][person(2)[1]] == KNOWN).all()
    beside = ride.clip(0, [2, 0], everywhere=True)
    assert beside.labels.tolist() == [PERSON, BICYCLE]
    assert beside.masks[0, 1, 50, 71]
    assert beside.masks[1, 1, 50, 50]


def test_the_certainty_of_an_object_is_its_mean(tmp_path):
    ride = opened(tmp_path, [[person(0)], [person(1, False)], [bicycle(0), person(2, False)]])
    clip = ride.clip(0, [1, 2], everywhere=True)
    np.testing.assert_allclose(clip.certainties, [0.8])
    assert [frame.shape for frame in clip.frames] == [(64, 96, 3)] * 2


def test_single_frames_are_taught_all_that_is_marked_on_them(tmp_path):
    ride = opened(tmp_path, [[person(0), bicycle(50)], [person(2, False)]])
    clip = ride.clip(0, [0, 1], everywhere=False)
    assert clip.labels.tolist() == [PERSON, BICYCLE, PERSON]
    assert clip.masks.any(axis=(2, 3)).tolist() == [[True, True, False], [False, False, True]]
    assert clip.certainties.tolist() == [1.0, 1.0, 0.8]
    assert (clip.ignored != DOUBTFUL).all()
