"""Files opened by the libraries of the tools that they are for.

Some bring a lot (Qt, opencv-python, a client of MongoDB): `pip install trackeval label-studio-sdk`,
`pip install labelme`, `pip install fiftyone`, each in an environment of its own, runs their tests.
"""

import importlib
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as rle
from pycocotools.coco import COCO

from maskstream_exports.coco import write_coco
from maskstream_exports.fiftyone import write_fiftyone
from maskstream_exports.label_studio import brush_rle, write_label_studio
from maskstream_exports.labelme import write_labelme
from maskstream_exports.mots import write_mots
from maskstream_exports.video_results import ResultClass
from support.result_lines import FRAMES, found, lines, rectangle, results_of

SMALL = {"size": (39, 59), "mask_scale": 0.5}
"""Frames whose masks have half of their size, rounded up."""


def library(name, how):
    """A library that is not one of ours."""
    return pytest.importorskip(name, reason=f"{name} is not installed: pip install {how}")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
def test_pycocotools_reads_pictures_and_annotations(tmp_path, capsys):
    write_coco(results_of(FRAMES), tmp_path / "coco.json")
    read = COCO(tmp_path / "coco.json")
    assert [read.imgs[number]["file_name"] for number in (1, 6)] == ["000000.png", "000005.png"]
    found_on = {frame: read.loadAnns(read.getAnnIds(imgIds=[frame + 1])) for frame in range(6)}
    assert [[each["track_id"] for each in found_on[frame]] for frame in range(6)] == [
        [1],
        [1, 7],
        [7],
        [],
        [1],
        [],
    ]
    for each in read.loadAnns(read.getAnnIds()):
        mask = read.annToMask(each)
        assert (mask.sum(), each["area"]) == (25, 25)
        assert rle.toBbox(each["segmentation"]).tolist() == each["bbox"]
    assert [each["name"] for each in read.loadCats([1, 3])] == ["class 0", "class 2"]
    assert read.loadRes(read.loadAnns(read.getAnnIds())).getAnnIds()  # results, too


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
def test_masks_are_as_large_as_the_frames(tmp_path, capsys):
    small = lines([found(1, rectangle(25, 15))])
    write_coco(results_of(small, **SMALL), tmp_path / "coco.json")
    read = COCO(tmp_path / "coco.json")
    (each,) = read.loadAnns(read.getAnnIds())
    assert each["bbox"] == [50, 30, 9, 9]
    assert each["area"] == 81 == read.annToMask(each).sum()


def test_labelme_opens_every_frame(tmp_path):
    label_file = library("labelme", "labelme").LabelFile
    write_labelme(results_of(FRAMES), tmp_path / "labelme.zip")
    with zipfile.ZipFile(tmp_path / "labelme.zip") as file:
        file.extractall(tmp_path)
    for number in range(6):
        Image.new("RGB", (30, 20)).save(tmp_path / f"{number:06d}.png")
    frames = [label_file(str(tmp_path / f"{number:06d}.json")).shapes for number in range(6)]
    assert [[each["group_id"] for each in shapes] for shapes in frames] == [
        [1],
        [1, 7],
        [7],
        [],
        [1],
        [],
    ]
    ids = {"_background_": 0, "class 0": 1, "class 2": 3}
    classes, _ = importlib.import_module("labelme.utils").shapes_to_label((20, 30), frames[2], ids)
    np.testing.assert_array_equal(classes, 3 * rectangle(4, 4))


@pytest.mark.filterwarnings("default")  # its own, and those of what it imports
def test_fiftyone_reads_the_frames_of_a_data_set(tmp_path):
    library("fiftyone", "fiftyone")
    write_fiftyone(results_of(FRAMES), tmp_path / "fiftyone.zip")
    with zipfile.ZipFile(tmp_path / "fiftyone.zip") as file:
        file.extractall(tmp_path)
    importers = importlib.import_module("fiftyone.utils.data.importers")
    # What `Dataset.from_dir` reads with; a data set itself needs a MongoDB.
    importer = importers.FiftyOneVideoLabelsDatasetImporter(dataset_dir=str(tmp_path))
    with importer:
        ((path, _, _, frames),) = list(importer)
    assert path == str(tmp_path / "data" / "street.mp4")
    found_on = {number: frames[number]["detections"].detections for number in (1, 2, 3, 5)}
    assert [[each.index for each in found_on[number]] for number in (1, 2, 3, 5)] == [
        [1],
        [1, 7],
        [7],
        [1],
    ]
    (each,) = found_on[3]
    assert (each.label, each.confidence) == ("class 2", 0.8)
    assert each.bounding_box == pytest.approx([4 / 30, 4 / 20, 5 / 30, 5 / 20])
    assert each.mask.shape == (5, 5)
    assert each.mask.all()


@pytest.mark.parametrize("seed", range(3))
def test_label_studio_decodes_the_brush(tmp_path, seed):
    brush = library("label_studio_sdk.converter.brush", "label-studio-sdk")
    noise = np.random.default_rng(seed).random((70, 300)) > (0.5, 0.001, 0.99999)[seed]
    painted = brush.decode_rle(brush_rle(noise)).reshape(70, 300, 4)
    assert set(np.unique(painted)) <= {0, 255}
    for channel in range(4):
        np.testing.assert_array_equal(painted[..., channel] == 255, noise)


def test_label_studio_gets_a_task_for_each_frame(tmp_path):
    brush = library("label_studio_sdk.converter.brush", "label-studio-sdk")
    write_label_studio(results_of(FRAMES), tmp_path / "tasks.json")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert tasks[1]["data"]["image"] == "/data/local-files/?d=street/000001.png"
    regions = [task["predictions"][0]["result"] for task in tasks]
    assert [[each["meta"]["track_id"] for each in task] for task in regions] == [
        [1],
        [1, 7],
        [7],
        [],
        [1],
        [],
    ]
    flat = regions[2][0] | {"rle": regions[2][0]["value"]["rle"], "brushlabels": ["class 2"]}
    layers = brush.decode_from_annotation("label", [flat])
    np.testing.assert_array_equal(layers["label-class 2-0"] > 0, rectangle(4, 4))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
def test_mots_pictures_have_the_ids_of_the_text(tmp_path):
    classes = [ResultClass("car"), ResultClass("person"), ResultClass("cat")]
    over = [found(1, rectangle(0, 0), score=0.9), found(2, rectangle(2, 2), score=0.5)]
    third = found(9, rectangle(10, 10), class_id=2)
    write_mots(results_of(lines(over, [], [third]), classes=classes), tmp_path / "mots.zip")
    with zipfile.ZipFile(tmp_path / "mots.zip") as file:
        file.extractall(tmp_path)
    numbers = json.loads((tmp_path / "classes.json").read_text())
    assert numbers == {"class 0": 11, "class 2": 12}
    rows = [line.split() for line in (tmp_path / "gt" / "gt.txt").read_text().splitlines()]
    assert [row[:3] for row in rows] == [
        ["1", "11000", "11"],
        ["1", "11001", "11"],
        ["3", "12000", "12"],
    ]
    with Image.open(tmp_path / "instances" / "000001.png") as picture:
        pixels = np.asarray(picture)
    for row in rows[:2]:
        mask = rle.decode({"size": [20, 30], "counts": row[5]})
        np.testing.assert_array_equal(pixels == int(row[1]), mask)
    assert (pixels == 11000).sum() == 25  # the better score is on top
    assert (pixels == 11001).sum() == 16


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
def test_trackeval_finds_all_persons_of_a_mots_sequence(tmp_path, capsys):
    trackeval = library("trackeval", "trackeval")
    persons = [found(each, rectangle(6 * each, 2 * each)) | {"label": "person"} for each in (1, 2)]
    made = lines(persons, persons[:1], [], persons)
    folder = tmp_path / "gt" / "MOTS-train" / "street"
    folder.mkdir(parents=True)
    write_mots(results_of(made), folder / "mots.zip")
    with zipfile.ZipFile(folder / "mots.zip") as file:
        file.extractall(folder)
    tracker = tmp_path / "trackers" / "MOTS-train" / "ours" / "data"
    tracker.mkdir(parents=True)
    (tracker / "street.txt").write_text((folder / "gt" / "gt.txt").read_text())
    places = {"GT_FOLDER": str(tmp_path / "gt"), "TRACKERS_FOLDER": str(tmp_path / "trackers")}
    said = {"PRINT_CONFIG": False, "SEQ_INFO": {"street": None}}
    dataset = trackeval.datasets.MOTSChallenge(places | said)
    raw = dataset.get_raw_seq_data("ours", "street")
    data = dataset.get_preprocessed_seq_data(raw, "pedestrian")
    assert (data["num_timesteps"], data["num_gt_ids"], data["num_gt_dets"]) == (4, 2, 5)
    scores = trackeval.metrics.HOTA().eval_sequence(data)
    assert scores["HOTA"].min() == pytest.approx(1.0)
