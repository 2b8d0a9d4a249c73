"""Benchmarks of panoptic models: a folder of pictures and a list of segments, and its numbers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from maskstream_model.config import ModelConfig
from maskstream_model.errors import ConfigError, DatasetError
from maskstream_model.tasks.output import FrameOutput
from maskstream_train.commands import score
from maskstream_train.data.readers import open_reader
from maskstream_train.data.vipseg import VipsegReader
from maskstream_train.evaluation.benchmark import Plan, run_panoptic
from maskstream_train.evaluation.benchmark_answer import clip_segmenter
from support.datasets import CAR, ROAD, SKY, Panoptic
from support.tiny import tiny_config, tiny_panoptic_model
from support.tiny_sets import silent

CATEGORIES = (7, 28, 40)


@dataclass(frozen=True)
class _Segment:
    id: int
    label: int


@dataclass(frozen=True)
class _Segments:
    segment_map: torch.Tensor
    segments: Sequence[_Segment]


class _Knowing:
    """A panoptic segmenter that knows the truth of the street: ids 1 car, 2 road, 3 sky."""

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

    def begin(self) -> int:
        return 0

    def track_frame(self, frame: Any, state: int, max_tracks: int | None = None) -> tuple[Any, int]:
        assert frame.shape == (6, 8, 3)
        return None, state + 1


def test_panoptic_results_can_be_scored_as_they_are_written(
    tmp_path: Path, street: VipsegReader
) -> None:
    out = tmp_path / "results"
    found = run_panoptic(_Blind(), street, _Knowing(), Plan(CATEGORIES, out), silent)
    assert found is not None
    assert found.as_json()["vpq"]["per_window"]["2"]["VPQ"] == pytest.approx(100)
    places = {
        "--gt": street.truth.entries.path,
        "--gt-png": street.segments,
        "--results": out / "pred.json",
        "--png": out / "pan_pred",
    }
    options = [f"{name}={path}" for name, path in places.items()]
    result = CliRunner().invoke(score, ["panoptic", *options, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == found.as_json()


def test_segments_are_listed_on_the_frames_that_show_them(
    tmp_path: Path, street: VipsegReader
) -> None:
    out = tmp_path / "results"
    run_panoptic(_Blind(), street, _Knowing(), Plan(CATEGORIES, out, "either"), silent)
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
        run_panoptic(_Blind(), street, _Knowing(torn=True), plan, silent)
    assert sorted(tmp_path.iterdir()) == before
    plan.out.mkdir()
    with pytest.raises(ConfigError, match="results is there already"):
        run_panoptic(_Blind(), street, _Knowing(), plan, silent)


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
    assert run_panoptic(_Blind(), bare, _Knowing(), plan, silent) is None
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
        run_panoptic(_Blind(), reader, _Knowing(), Plan(CATEGORIES, tmp_path / "out"), silent)


def test_a_panoptic_model_runs_a_whole_set(tmp_path: Path, street: VipsegReader) -> None:
    model = tiny_panoptic_model(min_size=64)
    out = tmp_path / "results"
    found = run_panoptic(model, street, clip_segmenter(model.config), Plan(CATEGORIES, out), silent)
    assert found is not None
    assert len(list(out.rglob("*.png"))) == len(street.videos[0].pictures)
