"""Annotations as people export them: what is learned, and what is wrong in one sentence."""

import numpy as np
import pytest
from PIL import ExifTags, Image

from maskstream_model.errors import DatasetError
from maskstream_train.own_classes import checks
from maskstream_train.own_classes.data import open_own_data
from support.datasets import Tubes
from support.own_pictures import SIZE, OwnPictures
from support.rle import encode_mask


@pytest.fixture
def own(tmp_path):
    return OwnPictures(tmp_path)


def opened(own, share=0.2, form=None):
    return open_own_data(own.write(), own.images, form, share)


def test_classes_are_those_of_the_file_by_rising_id_each_with_a_colour(own):
    data = opened(own)
    assert [each.name for each in data.classes] == ["washer", "bolt"]
    assert len({each.color for each in data.classes}) == 2
    assert data.notes == ()


def test_a_share_is_held_back_and_the_rest_learned(own):
    data = opened(own)
    assert data.held_back
    assert (len(data.learned.ids), len(data.measured.ids)) == (5, 1)
    assert {video.id for video in data.learned.open().videos} == data.learned.ids
    everything = opened(own, share=0)
    assert not everything.held_back
    assert "No picture is held back" in everything.notes[0]


def test_no_class_is_held_back_whole(own):
    for row in own.content["annotations"][2:]:
        row["category_id"] = 3
    data = opened(own, share=0.8)
    (bolts,) = (row["image_id"] for row in own.content["annotations"] if row["category_id"] == 7)
    assert bolts in data.learned.ids


def test_one_picture_is_learned_and_measured_and_that_is_said(tmp_path):
    data = opened(OwnPictures(tmp_path, count=1))
    assert data.learned == data.measured
    assert "too few pictures" in data.notes[0]


def test_videos_in_the_form_of_youtube_vis_are_known_by_what_they_list(tmp_path):
    tubes = Tubes(tmp_path)
    data = open_own_data(tubes.write(), tubes.pictures, None, 0.2)
    assert data.learned.form == "ytvis"
    assert [each.name for each in data.classes] == ["cat", "flying_disc"]
    assert any("without an annotation are left out: 1" in note for note in data.notes)


def test_painted_masks_of_cvat_are_objects_though_it_calls_them_crowds(own):
    mask = np.zeros(SIZE, dtype=bool)
    mask[10:30, 20:50] = True
    for row in own.content["annotations"]:
        row |= {"segmentation": encode_mask(mask), "iscrowd": 1, "attributes": {"occluded": False}}
    data = opened(own)
    shown = data.learned.open().read(0, [0])
    assert not shown.crowd.any()
    assert np.array_equal(shown.masks[0, 0], mask)


def test_the_folder_that_cvat_exports_is_data(own):
    own.file = own.file.parent / "annotations" / "instances_default.json"
    own.file.parent.mkdir()
    own.images.rename(own.file.parent.parent / "images")
    own.write()
    data = open_own_data(own.file.parent.parent, None, None, 0.2)
    assert len(data.learned.open().videos) + len(data.measured.open().videos) == 6


def test_pictures_of_a_phone_are_turned_upright_as_they_were_labelled(own):
    path = own.images / "photo_05.png"
    with Image.open(path) as picture:
        upright = np.asarray(picture.convert("RGB"))
        exif = picture.getexif()
        exif[ExifTags.Base.Orientation] = 6
        picture.rotate(90, expand=True).save(path, exif=exif)
    own.content["images"] = own.content["images"][:1]
    own.content["annotations"] = own.content["annotations"][-2:]
    (frame,) = opened(own, share=0).learned.open().read(0, [0]).frames
    assert np.array_equal(frame, upright)


def test_crowds_empty_masks_and_bare_classes_and_pictures_are_left_out_and_reported(own):
    rows, empty = own.content["annotations"], encode_mask(np.zeros(SIZE, dtype=bool))
    rows[0]["iscrowd"] = 1
    rows[2]["segmentation"], rows[4]["segmentation"] = [], empty
    own.content["categories"].append({"id": 9, "name": "nut"})
    rows[:] = rows[:-2]
    output = "\n".join(opened(own).notes)
    assert "Empty masks are left out: 2, the first is" in output
    assert "iscrowd=1 are no single objects and are left out: 1" in output
    assert "The class 'nut' has no mask" in output
    assert "without an annotation are left out: 1" in output


def refused(own, sentence, **options):
    with pytest.raises(DatasetError, match=sentence):
        opened(own, **options)


def test_nothing_to_learn_is_one_sentence(own):
    rows = own.content["annotations"]
    for row in rows:
        row["segmentation"] = []
    refused(own, "no mask to learn from")
    own.content["annotations"] = []
    refused(own, "no annotations: there is nothing to learn from")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c["annotations"][3].update(category_id=99), "annotation 4 has category 99"),
        (lambda c: c["annotations"][3].update(image_id=99), "not listed: 99"),
        (lambda c: c["annotations"][3].update(id=1), "annotation 1 is listed twice"),
        (lambda c: c["images"][0].update(id=50), "picture 50 is listed twice"),
        (
            lambda c: c["images"][0].update(file_name="gone.png"),
            "picture 45 lacks its file .*gone.png",
        ),
        (lambda c: c["images"][0].update(width=64), "photo_05.png is 128x96, it should be 64x96"),
        (lambda c: c["images"][0].update(width=10**6), "at most 50 million pixels"),
        (lambda c: c["categories"][0].update(name="Washer"), "two categories have the name"),
        (lambda c: c["categories"][0].update(name="a\x1b"), "no printable name"),
        (lambda c: c["categories"][0].update(name="a" * 201), "longer than 200 characters"),
        (lambda c: c["categories"].clear(), "has category 7, not listed"),
        (lambda c: c.pop("images"), "lists neither images"),
        (
            lambda c: c["annotations"][0].update(segmentation=[[1, 2]]),
            "annotation 1: a segmentation cannot be decoded",
        ),
        (lambda c: c["annotations"][0].pop("segmentation"), "annotation 1 has no 'segmentation'$"),
        (lambda c: c["annotations"][0].update(segmentation="1 2"), "neither polygons nor size"),
        (lambda c: c["annotations"][0].update(segmentation=7), "neither polygons nor size"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_sentence(own, change, sentence):
    change(own.content)
    refused(own, sentence)


def test_pictures_that_cannot_be_read_are_named(own):
    whole = (own.images / "photo_02.png").read_bytes()
    (own.images / "photo_02.png").write_bytes(whole[: len(whole) // 2])
    refused(own, "photo_02.png cannot be read as a picture")
    Image.new("RGB", (5, 5)).save(own.images / "photo_02.png")
    refused(own, "photo_02.png is 5x5, it should be")


def test_of_many_pictures_the_rest_is_opened_at_least(own, monkeypatch):
    monkeypatch.setattr(checks, "MAX_READ", 2)
    (own.images / "photo_00.png").write_text("no picture")
    refused(own, "photo_00.png cannot be read as a picture")


def test_a_file_that_is_too_large_is_not_read(own, monkeypatch):
    monkeypatch.setattr(checks, "MAX_FILE_BYTES", 10)
    refused(own, "annotations of at most")


@pytest.mark.parametrize(
    ("name", "sentence"), [("annotations.xml", "COCO 1.0"), ("task.ZIP", "unpack it")]
)
def test_other_exports_of_cvat_are_one_sentence(own, name, sentence):
    own.file = own.file.with_name(name)
    refused(own, sentence)


def test_panoptic_data_are_refused(own):
    refused(own, "not VIPSeg", form="vipseg")
