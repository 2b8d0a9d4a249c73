"""VIPSeg on disk: things by id, stuff by class, and one sentence for what is broken."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskstream_model.errors import DatasetError
from maskstream_train.data.panoptic import MAX_ID, read_ids, read_truth, write_ids
from maskstream_train.data.pictures import read_frame
from maskstream_train.data.readers import open_reader
from support.datasets import CAR, ROAD, SIZE, SKY, Panoptic, draw_frames


@pytest.fixture
def panoptic(tmp_path: Path) -> Panoptic:
    return Panoptic(tmp_path)


def test_things_are_objects_by_id_and_stuff_by_class(panoptic: Panoptic) -> None:
    panoptic.write()
    reader = open_reader(panoptic.folder, "vipseg")
    assert [(item.id, item.thing) for item in reader.categories] == [
        *((7, True), (28, False), (40, False))
    ]
    chosen = reader.read(0, [2, 0])
    assert chosen.labels.tolist() == [0, 1, 2]
    assert chosen.ids.tolist() == [1, 2, 3]
    ids = [panoptic.ids(2), panoptic.ids(0)]
    expected = [[part == CAR, (part == SKY) | (part == SKY + 7), part == ROAD] for part in ids]
    assert np.array_equal(chosen.masks, expected)
    assert chosen.frames.shape == (2, *SIZE, 3)
    assert np.array_equal(read_frame(reader.videos[0], 2), chosen.frames[0])
    assert not chosen.crowd.any()


def test_a_crowd_is_marked(panoptic: Panoptic) -> None:
    for frame in panoptic.frames[1:]:
        frame["segments_info"][3]["iscrowd"] = 1
    panoptic.write()
    assert open_reader(panoptic.folder, "vipseg").read(0, [0]).crowd.tolist() == [
        *(True, False, False)
    ]


def test_a_set_without_annotations_has_videos(panoptic: Panoptic) -> None:
    del panoptic.content["annotations"]
    panoptic.write()
    shutil.rmtree(panoptic.folder / "panomasksRGB")
    reader = open_reader(panoptic.folder, "vipseg")
    assert not reader.annotated
    assert reader.read(0, [1]).masks.shape == (1, 0, *SIZE)


@pytest.mark.parametrize("case", ["vps_1", "vps_2"])
def test_masks_of_the_reference_cases_have_their_annotated_areas(
    test_data: Path, tmp_path: Path, case: str
) -> None:
    shutil.copytree(test_data / "metrics" / case / "gt", tmp_path / "panomasksRGB")
    file = Path(shutil.copy(test_data / "metrics" / case / "panoptic_gt.json", tmp_path))
    truth = read_truth(file)
    for name, images in truth.images.items():
        names = [f"{Path(image.file_name).stem}.jpg" for image in images]
        draw_frames(tmp_path / "imgs" / name, names, (images[0].height, images[0].width))
    reader = open_reader(file, "vipseg")
    assert reader.annotated
    known = {item.id: item for item in reader.categories}
    for index, video in enumerate(reader.videos):
        chosen = reader.read(index, range(len(video.pictures)))
        found = chosen.masks.sum((2, 3))
        for number, areas in enumerate(found):
            rows = truth.entries.segments(video.name, number, known, areas=True)
            assert int(areas.sum()) == sum(row.area for row in rows)
        assert found.sum(0).min(initial=1) > 0


def test_ids_come_back_as_they_were_written(tmp_path: Path) -> None:
    ids = np.array([[0, 1, 255, 256], [65535, 65536, CAR, MAX_ID]], dtype=np.int32)
    write_ids(tmp_path / "ids.png", ids)
    assert np.array_equal(read_ids(tmp_path / "ids.png", (2, 4)), ids)


def _missing_picture(panoptic: Panoptic) -> None:
    (panoptic.folder / "imgs" / "0_street" / "1.jpg").unlink()


def _wrong_picture(panoptic: Panoptic) -> None:
    draw_frames(panoptic.folder / "imgs" / "0_street", ["0.jpg"], (6, 9))


def _missing_segments(panoptic: Panoptic) -> None:
    panoptic.picture(1).unlink()


def _no_segments_at_all(panoptic: Panoptic) -> None:
    shutil.rmtree(panoptic.folder / "panomasksRGB")


def _cut_segments(panoptic: Panoptic) -> None:
    content = panoptic.picture(1).read_bytes()
    panoptic.picture(1).write_bytes(content[:-40])


def _wrong_segments(panoptic: Panoptic) -> None:
    panoptic.draw(1, panoptic.ids(1)[1:])


def _palette(panoptic: Panoptic) -> None:
    Image.new("P", SIZE[::-1]).save(panoptic.picture(1))


def _unlisted(panoptic: Panoptic) -> None:
    panoptic.frames[1]["segments_info"].pop()


def _unknown_category(panoptic: Panoptic) -> None:
    panoptic.frames[1]["segments_info"][0]["category_id"] = 8


def _id_twice(panoptic: Panoptic) -> None:
    panoptic.frames[1]["segments_info"] *= 2


def _category_twice(panoptic: Panoptic) -> None:
    panoptic.content["categories"] *= 2


def _frame_short(panoptic: Panoptic) -> None:
    panoptic.frames.pop()


def _other_size(panoptic: Panoptic) -> None:
    panoptic.content["videos"][0]["images"][1]["height"] = 7


def _no_isthing(panoptic: Panoptic) -> None:
    del panoptic.content["categories"][0]["isthing"]


def _of_stills(panoptic: Panoptic) -> None:
    panoptic.content["images"] = panoptic.content.pop("videos")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_missing_picture, r"video 0_street lacks its file .*1\.jpg"),
        (_wrong_picture, r"0\.jpg is 9x6, it should be 8x6"),
        (_missing_segments, r"1\.png cannot be read as a picture"),
        (_no_segments_at_all, r"json are not in panomasksRGB beside it"),
        (_cut_segments, r"1\.png cannot be read as a picture"),
        (_wrong_segments, r"1\.png is 8x5, it should be 8x6"),
        (_palette, r"1\.png is P, it should be RGB"),
        (_unlisted, r"1\.png: id 70001 is not listed in .*json: video 0_street, frame 1"),
        (_unknown_category, r"json: video 0_street, frame 1: segment 300 has unknown category 8"),
        (_id_twice, r"json: video 0_street, frame 1: an id is listed twice"),
        (_category_twice, r"json: category 40 is listed twice"),
        (_frame_short, r"json: video 0_street has 3 images, 2 annotated"),
        (_other_size, r"json: the frames of video 0_street differ in size"),
        (_no_isthing, r"json: category 0 has no 'isthing"),
        (_of_stills, r"json has no list of videos"),
    ],
)
def test_what_is_broken_is_named_with_its_file_and_entry(
    panoptic: Panoptic, spoil: Callable[[Panoptic], None], sentence: str
) -> None:
    spoil(panoptic)
    panoptic.write()
    with pytest.raises(DatasetError, match=sentence):
        open_reader(panoptic.folder, "vipseg").read(0, [0, 1, 2])


def test_files_of_other_panoptic_sets_are_refused(test_data: Path) -> None:
    samples = test_data / "annotated" / "format_samples" / "deeplab2"
    with pytest.raises(DatasetError, match=r"trainId\.json has no list of videos"):
        open_reader(samples / "cityscapes_panoptic_dummy_trainId.json", "vipseg")
