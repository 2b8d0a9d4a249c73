"""Of a packed file, some complete stills are held out of training, and measured on."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from maskstream_model.classes import EVERYDAY
from maskstream_model.errors import DatasetError
from maskstream_train.commands import evaluate
from maskstream_train.data.packed import HELD_OUT_EVERY, PackedPictures
from maskstream_train.data.packed_stills import PackedStills
from maskstream_train.data.packing.writing import write_pack
from support.packs import SIZE, box, doubting, picture, small_pack, thing


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Seventeen complete stills, of which two are held out, some others, and a video."""
    pictures = []
    for number in range(2 * HELD_OUT_EVERY + 1):
        mask = box(10, 10 + number, 40, 50 + number)
        one = picture(tmp_path, [(thing(number % 3, mask), mask)], complete=True)
        pictures.append(doubting(one, box(45, 0, 60, 30)) if number == 7 else one)
    rest = box(0, 0, 30, 30)
    pictures += [picture(tmp_path, [(thing(1, rest), rest)]) for _ in range(3)]
    pictures += [picture(tmp_path, [(thing(1, rest), rest)], "ride", n, True) for n in range(9)]
    write_pack(tmp_path / "pack.zip", pictures, EVERYDAY.split())
    return tmp_path / "pack.zip"


def test_every_eighth_complete_still_is_held_out_and_nothing_else(pack: Path) -> None:
    whole, training, held = (PackedPictures(pack, p) for p in ("all", "training", "held out"))
    assert [one.file for one in held.pictures] == [whole.pictures[n].file for n in (7, 15)]
    files = [one.file for one in training.pictures]
    assert sorted(files + [one.file for one in held.pictures]) == sorted(
        one.file for one in whole.pictures
    )
    again = pickle.loads(pickle.dumps(held))
    assert [one.file for one in again.pictures] == [one.file for one in held.pictures]
    assert (again.read(1).frame == whole.read(15).frame).all()


def test_stills_are_read_with_their_objects_and_doubtful_places_as_crowds(pack: Path) -> None:
    stills = PackedStills(pack)
    assert [category.name for category in stills.categories] == EVERYDAY.split()
    assert len(stills.videos) == 2
    first, second = stills.read(0, [0]), stills.read(1, [0, 0])
    assert first.frames.shape == (1, *SIZE, 3)
    assert not first.crowd[0]
    assert first.crowd[1:].all()
    assert first.labels[1:].tolist() == list(range(20)), "whatever it is, it is not wrong"
    assert (first.masks[0, 1:] == box(45, 0, 60, 30)).all()
    assert second.masks.shape == (2, 1, *SIZE)
    assert (second.masks[1, 0] == box(10, 25, 40, 65)).all()
    assert not second.crowd.any()


def test_the_command_measures_what_is_held_out(pack: Path) -> None:
    options = ["--data", str(pack), "--format", "packed", "--names", "person,car", "--json"]
    run = CliRunner().invoke(evaluate, options)
    assert run.exit_code == 0, run.output
    answer = json.loads(run.stdout)
    assert answer["num_pictures"] == 2
    assert answer["settings"]["format"] == "packed"
    assert len(answer["by_score"]) == 8


def test_a_file_that_holds_nothing_out_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no picture out"):
        PackedStills(small_pack(tmp_path / "small"))


def test_training_sees_none_of_it(pack: Path) -> None:
    from maskstream_train.data.synthetic.packed_cutouts import PackedCutouts

    cutouts = PackedCutouts(pack)
    held = {one.file for one in PackedPictures(pack, "held out").pictures}
    assert not held & {one.file for one in cutouts._pictures.pictures}
    assert np.unique([cutouts.draw(np.random.default_rng(n)).label for n in range(20)]).size > 1
