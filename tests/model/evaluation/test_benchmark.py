"""`maskstream eval --format`: results in the form of the benchmark, and the official numbers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from maskstream_model.commands import evaluate, score
from maskstream_model.config import ModelConfig
from maskstream_model.data.readers import open_reader
from maskstream_model.data.rle import decode_masks
from maskstream_model.data.vipseg import VipsegReader
from maskstream_model.data.ytvis import InstanceReader
from maskstream_model.errors import ConfigError, DatasetError
from maskstream_model.evaluation.benchmark import Plan, run_instances, run_panoptic
from maskstream_model.evaluation.benchmark_answer import clip_segmenter
from maskstream_model.evaluation.results import read_results
from maskstream_model.evaluation.vis_score import score_vis
from maskstream_model.evaluation.whole import whole_file
from maskstream_model.interface import FrameOutput
from maskstream_model.tasks.instances import video_result
from support.datasets import CAR, ROAD, SKY, Panoptic, Tubes, box, tube
from support.tiny import SIZE, tiny_config, tiny_frames, tiny_model, tiny_panoptic_model

IDS = (30, 10, 20)
"""Category ids of the tiny model's classes."""


def _nothing(done: int) -> None:
    """Progress that nobody looks at."""


def _tiny_set(folder: Path) -> Tubes:
    """Two videos of the tiny model's frames, annotated with any masks."""
    tubes = Tubes(folder)
    lengths = {4: 7, 9: 3}
    names = {number: [f"{number}/{i}.png" for i in range(lengths[number])] for number in lengths}
    tubes.content = {
        "videos": [
            {"id": number, "height": SIZE[0], "width": SIZE[1], "file_names": names[number]}
            for number in (9, 4)
        ],
        "categories": [
            {"id": number, "name": f"Class_{index}"} for index, number in enumerate(IDS)
        ],
        "annotations": [
            tube(1, 4, 10, [box(0, 0, 60, 90, SIZE)] * 7),
            tube(2, 9, 30, [None, box(0, 0, 60, 40, SIZE), None]),
        ],
    }
    for number in names:
        (tubes.pictures / str(number)).mkdir()
        for name, frame in zip(names[number], tiny_frames(lengths[number], number), strict=True):
            Image.fromarray(frame).save(tubes.pictures / name)
    return tubes


def _open(tubes: Tubes) -> InstanceReader:
    tubes.write()
    reader = open_reader(tubes.folder, "ytvis")
    assert isinstance(reader, InstanceReader)
    return reader


def test_results_are_the_models_own_clip_results_with_ids_of_the_data_set(tmp_path: Path) -> None:
    reader, model = _open(_tiny_set(tmp_path)), tiny_model(emergence_score_min=0.6)
    run_instances(model, reader, Plan(IDS, tmp_path / "results.json"), _nothing)
    found = read_results(tmp_path / "results.json")
    for number, length in ((4, 7), (9, 3)):
        outputs, state = [], model.initial_state()
        for frame in tiny_frames(length, number):
            output, state = model.step(frame, state)
            outputs.append(output)
        expected = video_result(outputs, SIZE)
        own = [each for each in found if each.video_id == number]
        assert len(own) == len(expected.scores) > 0
        assert [each.score for each in own] == pytest.approx(expected.scores.tolist(), abs=1e-6)
        assert [each.category for each in own] == [IDS[label] for label in expected.labels]
        for each, masks in zip(own, expected.masks, strict=True):
            assert None not in each.segmentations
            assert np.array_equal(decode_masks(each.segmentations, *SIZE), masks.numpy())


@pytest.mark.parametrize("objects", ["all", "either"])
def test_the_numbers_are_those_of_scoring_the_file(tmp_path: Path, objects: Any) -> None:
    tubes, out = _tiny_set(tmp_path), tmp_path / "results.json"
    done: list[int] = []
    plan = Plan(IDS, out, objects)
    told = run_instances(tiny_model(emergence_score_min=0.6), _open(tubes), plan, done.append)
    assert told is not None
    assert told.as_json() == score_vis(tubes.file, out, objects=objects).as_json()
    assert told.summary.overall["AR10"] >= 0
    assert sum(done) == 10


def test_a_set_for_submission_is_run_and_not_measured(tmp_path: Path) -> None:
    tubes = _tiny_set(tmp_path)
    tubes.content["annotations"] = None
    out = tmp_path / "results.json"
    model = tiny_model(emergence_score_min=0.6)
    assert run_instances(model, _open(tubes), Plan(IDS, out, ovis=True), _nothing) is None
    assert len(read_results(out)) > 0


def test_a_frame_that_cannot_be_read_leaves_the_old_results_as_they_were(tmp_path: Path) -> None:
    tubes = _tiny_set(tmp_path)
    picture = tubes.pictures / "9" / "2.png"
    picture.write_bytes(picture.read_bytes()[:-60])
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "results.json"
    out.write_text("old")
    with pytest.raises(DatasetError, match=r"2\.png cannot be read"):
        run_instances(tiny_model(), _open(tubes), Plan(IDS, out), _nothing)
    assert [path.name for path in out.parent.iterdir()] == ["results.json"]
    assert out.read_text() == "old"


@dataclass(frozen=True)
class _Segment:
    id: int
    label: int


@dataclass(frozen=True)
class _Segments:
    segment_map: torch.Tensor
    segments: Sequence[_Segment]


class _Knowing:
    """A panoptic segmenter that is told the truth of the street: ids 1 car, 2 road, 3 sky."""

    def __init__(self, torn: bool = False) -> None:
        self.torn = torn

    def __call__(
        self, outputs: Sequence[FrameOutput], size: tuple[int, int], config: ModelConfig
    ) -> _Segments:
        assert len(outputs) == 3
        maps = []
        for frame in range(3):
            ids = Panoptic.ids(frame)
            maps.append((ids == CAR) + 2 * (ids == ROAD) + 3 * ((ids == SKY) | (ids == SKY + 7)))
        if self.torn:
            raise DatasetError("torn")
        segments = [_Segment(1, 0), _Segment(2, 2), _Segment(3, 1)]
        return _Segments(torch.from_numpy(np.stack(maps)), segments)


class _Blind:
    """An online model that sees nothing."""

    config = tiny_config()

    def initial_state(self) -> int:
        return 0

    def step(self, frame: Any, state: int, max_tracks: int | None = None) -> tuple[Any, int]:
        assert frame.shape == (6, 8, 3)
        return None, state + 1


@pytest.fixture
def street(tmp_path: Path) -> VipsegReader:
    panoptic = Panoptic(tmp_path)
    for number, frame in enumerate(panoptic.frames):
        frame["segments_info"].pop(2)
        ids = Panoptic.ids(number)
        panoptic.draw(number, np.where(ids == SKY + 7, SKY, ids))
        for row in frame["segments_info"]:
            row["area"] = int((ids == row["id"]).sum() + (ids == row["id"] + 7).sum())
    reader = open_reader(panoptic.write(), "vipseg")
    assert isinstance(reader, VipsegReader)
    return reader


CATEGORIES = (7, 28, 40)


def test_panoptic_results_can_be_scored_as_they_are_written(
    tmp_path: Path, street: VipsegReader
) -> None:
    out = tmp_path / "results"
    told = run_panoptic(_Blind(), street, _Knowing(), Plan(CATEGORIES, out), _nothing)
    assert told is not None
    assert told.as_json()["vpq"]["per_window"]["2"]["VPQ"] == pytest.approx(100)
    places = {
        "--gt": street.truth.entries.path,
        "--gt-png": street.segments,
        "--results": out / "pred.json",
        "--png": out / "pan_pred",
    }
    options = [f"{name}={path}" for name, path in places.items()]
    result = CliRunner().invoke(score, ["panoptic", *options, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == told.as_json()


def test_segments_are_listed_on_the_frames_that_show_them(
    tmp_path: Path, street: VipsegReader
) -> None:
    out = tmp_path / "results"
    run_panoptic(_Blind(), street, _Knowing(), Plan(CATEGORIES, out, "either"), _nothing)
    (video,) = json.loads((out / "pred.json").read_text())["annotations"]
    frames = video["annotations"]
    assert video["video_id"] == "0_street"
    assert [frame["file_name"] for frame in frames] == ["0.jpg", "1.jpg", "2.jpg"]
    assert [[row["id"] for row in frame["segments_info"]] for frame in frames] == [
        *([2, 3], [1, 2, 3], [1, 2, 3])
    ]
    car = {"id": 1, "category_id": 7, "isthing": True, "iscrowd": 0}
    assert frames[1]["segments_info"][0] == car | {"area": 6, "bbox": [1, 3, 3, 2]}


def test_panoptic_results_appear_whole_or_not_at_all(tmp_path: Path, street: VipsegReader) -> None:
    before = sorted(tmp_path.iterdir())
    plan = Plan(CATEGORIES, tmp_path / "results")
    with pytest.raises(DatasetError, match="torn"):
        run_panoptic(_Blind(), street, _Knowing(torn=True), plan, _nothing)
    assert sorted(tmp_path.iterdir()) == before
    plan.out.mkdir()
    with pytest.raises(ConfigError, match="results is there already"):
        run_panoptic(_Blind(), street, _Knowing(), plan, _nothing)


def test_a_panoptic_set_without_truth_is_run_and_not_measured(
    tmp_path: Path, street: VipsegReader
) -> None:
    file = street.truth.entries.path
    content = json.loads(file.read_text())
    del content["annotations"]
    file.write_text(json.dumps(content))
    bare = open_reader(file, "vipseg")
    assert isinstance(bare, VipsegReader)
    plan = Plan(CATEGORIES, tmp_path / "results")
    assert run_panoptic(_Blind(), bare, _Knowing(), plan, _nothing) is None
    assert (plan.out / "pan_pred" / "0_street" / "2.png").is_file()


def test_a_video_whose_name_leads_elsewhere_is_refused(
    tmp_path: Path, street: VipsegReader
) -> None:
    content = json.loads(street.truth.entries.path.read_text().replace("0_street", "../0_street"))
    (tmp_path / "panomasksRGB" / "x").mkdir()
    street.truth.entries.path.write_text(json.dumps(content))
    (tmp_path / "0_street").symlink_to(tmp_path / "imgs" / "0_street")
    reader = open_reader(street.truth.entries.path, "vipseg")
    assert isinstance(reader, VipsegReader)
    with pytest.raises(DatasetError, match="a name that no folder can have"):
        run_panoptic(_Blind(), reader, _Knowing(), Plan(CATEGORIES, tmp_path / "out"), _nothing)


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    for path, sentence in ((tmp_path, "is a folder"), (tmp_path / "a" / "b", "cannot be written")):
        with pytest.raises(ConfigError, match=sentence), whole_file(path):
            raise AssertionError("no work should be done")


RANDOM = ("--weights=random", "--set=min_size=64", "--set=first_frame_score_min=0")


def _demo_set(folder: Path) -> Tubes:
    """The data set with the classes of the demo model, in another order, as OVIS has them."""
    tubes = _tiny_set(folder)
    names = ["object", "person", "animal", "vehicle"]
    tubes.content["categories"] = [
        {"id": 10 * index, "name": name} for index, name in enumerate(names, 1)
    ]
    for annotation in tubes.content["annotations"]:
        annotation["occlusion"] = ["no_occlusion"] * len(annotation["segmentations"])
    return tubes


def _run(tubes: Tubes, *options: str) -> Result:
    out = tubes.folder / "results.json"
    data = (f"--data={tubes.write()}", f"--out={out}")
    return CliRunner().invoke(evaluate, [*RANDOM, *data, *options])


@pytest.mark.parametrize("form", ["ytvis", "ovis"])
def test_the_command_writes_and_measures(tmp_path: Path, form: str) -> None:
    result = _run(_demo_set(tmp_path), f"--format={form}", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["settings"]["format"] == form
    assert ("AP_occ_heavy" in told["score"]["overall"]) == (form == "ovis")
    found = read_results(tmp_path / "results.json")
    assert {each.video_id for each in found} == {4, 9}
    assert {each.category for each in found} <= {10, 20, 30, 40}


def test_the_command_prints_tables_and_where_the_results_are(tmp_path: Path) -> None:
    result = _run(_demo_set(tmp_path), "--format=ytvis", "--objects=emerging")
    text = " ".join(result.stdout.split())
    assert "objects that emerge only" in text
    assert "results: " in text


def test_the_command_says_that_nothing_was_measured(tmp_path: Path) -> None:
    tubes = _demo_set(tmp_path)
    tubes.content["annotations"] = []
    result = _run(tubes, "--format=ovis")
    assert result.exit_code == 0, result.output
    assert "has no annotations, so nothing was measured here" in " ".join(result.stdout.split())
    assert (tmp_path / "results.json").is_file()


def test_videos_beyond_another_set_are_run_alone(tmp_path: Path) -> None:
    tubes = _demo_set(tmp_path)
    known = tmp_path / "known" / "short.json"
    known.parent.mkdir()
    known.write_text(
        json.dumps(tubes.content | {"videos": tubes.content["videos"][:1]} | {"annotations": None})
    )
    result = _run(tubes, "--format=ytvis", f"--beyond={known}")
    assert result.exit_code == 0, result.output
    assert {each.video_id for each in read_results(tmp_path / "results.json")} == {4}


def _fewer_classes(tubes: Tubes) -> None:
    tubes.content["categories"].pop()


def _other_classes(tubes: Tubes) -> None:
    tubes.content["categories"][0]["name"] = "cat"


def _missing_frame(tubes: Tubes) -> None:
    (tubes.pictures / "4" / "3.png").unlink()


def _cut_frame(tubes: Tubes) -> None:
    path = tubes.pictures / "9" / "2.png"
    path.write_bytes(path.read_bytes()[:-60])


def _broken_mask(tubes: Tubes) -> None:
    tubes.content["annotations"][1]["segmentations"][1]["size"] = [3, 3]


def _as_it_was(tubes: Tubes) -> None:
    """Nothing is wrong with the data."""


@pytest.mark.parametrize(
    ("spoil", "options", "sentence"),
    [
        (_fewer_classes, ["--format=ytvis"], "demo knows 4 classes, the data set has 3"),
        (_other_classes, ["--format=ytvis"], "class 'cat' stands where demo has 'person'"),
        (_missing_frame, ["--format=ytvis"], "video 4 lacks its frame"),
        (_cut_frame, ["--format=ytvis"], "2.png cannot be read as a picture"),
        (_broken_mask, ["--format=ytvis"], "video 9, annotation 2, frame 1: a segmentation"),
        (
            _as_it_was,
            ["--format=vipseg"],
            "has videos without images, so it is not of",
        ),
        (_as_it_was, ["--format=ytvis", "--sweep"], "--sweep has no part in a benchmark"),
        (_as_it_was, ["--format=ytvis", "--min-score=0.1"], "--min-score has no part"),
        (_as_it_was, ["--format=ytvis", "--data=nix"], "should hold one annotation file"),
        (_as_it_was, ["--objects=either"], "say its --format"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, spoil: Any, options: list[str], sentence: str
) -> None:
    tubes = _demo_set(tmp_path)
    spoil(tubes)
    before = {*tmp_path.iterdir(), tubes.file}
    result = _run(tubes, *options)
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit), result.exception
    assert sentence in result.output
    assert {*tmp_path.iterdir()} == before


def test_vipseg_needs_a_panoptic_model(street: VipsegReader) -> None:
    data = f"--data={street.truth.entries.path}"
    result = CliRunner().invoke(evaluate, [*RANDOM, data, "--format=vipseg"])
    assert result.exit_code == 1
    assert "demo segments instances; VIPSeg needs a panoptic model" in result.output


def test_a_panoptic_model_runs_a_whole_set(tmp_path: Path, street: VipsegReader) -> None:
    model = tiny_panoptic_model(min_size=64)
    out = tmp_path / "results"
    told = run_panoptic(
        model, street, clip_segmenter(model.config), Plan(CATEGORIES, out), _nothing
    )
    assert told is not None
    assert len(list(out.rglob("*.png"))) == len(street.videos[0].pictures)
