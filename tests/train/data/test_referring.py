"""Files of sentences: what is read, and what is refused in one sentence."""

import json

import pytest
from PIL import Image

from maskstream_model.errors import DatasetError
from maskstream_train.data.referring import open_referring, read_objects
from support.sentences import FRAMES, SIZE, Sentences


@pytest.fixture
def truth(tmp_path):
    return Sentences(tmp_path)


def test_a_split_is_opened_by_its_folder_or_its_file(truth):
    split = truth.write()
    for path in (split, truth.file):
        cars, bus = open_referring(path)
        assert (cars.info.name, cars.info.height, cars.info.width) == ("cars", *SIZE)
        assert [picture.stem for picture in cars.info.pictures] == list(FRAMES)
        assert cars.by_object == {1: [0, 1], 2: [2, 3]}
        assert [each.text for each in bus.expressions] == ["bus", "a blue bus"]
        assert bus.annotated


def test_without_objects_or_their_pictures_nothing_is_annotated(truth):
    del truth.content["videos"]["cars"]["expressions"]["0"]["obj_id"]
    cars, _ = open_referring(truth.write())
    assert cars.truths
    assert not cars.annotated


def no_frames(truth):
    truth.content["videos"]["cars"]["frames"] = truth.ids["cars"] = []
    truth.write()


def no_text(truth):
    truth.content["videos"]["bus"]["expressions"]["0"] = {"exp": " "}
    truth.write()


def other_form(truth):
    truth.file.parent.mkdir(parents=True)
    truth.file.write_text(json.dumps({"videos": [], "annotations": []}))


def missing_truth(truth):
    (truth.write() / "Annotations" / "cars" / "00005.png").unlink()


def missing_frame(truth):
    (truth.write() / "JPEGImages" / "cars" / "00005.jpg").unlink()


def a_way_out(truth):
    truth.write()
    content = {"videos": {"../x": truth.content["videos"]["bus"]}}
    truth.file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (no_frames, "video cars is not as it should be.*0 frames"),
        (no_text, "video bus is not as it should be.*has no text"),
        (other_form, "lists no videos by name"),
        (missing_truth, "video cars lacks its file .*00005.png"),
        (missing_frame, "video cars lacks its file .*00005.jpg"),
        (a_way_out, "is no name of a folder"),
    ],
)
def test_broken_files_are_refused(truth, spoil, sentence):
    spoil(truth)
    with pytest.raises(DatasetError, match=sentence):
        open_referring(truth.split)


def test_pictures_of_colours_are_no_ids(truth):
    path = truth.folder / "a.png"
    Image.new("RGB", SIZE[::-1]).save(path)
    with pytest.raises(DatasetError, match="should have a palette or be grey"):
        read_objects(path, SIZE)
