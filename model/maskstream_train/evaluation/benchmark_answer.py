"""Answers `maskstream eval --format`: a benchmark, run and measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from maskstream_model.errors import ConfigError
from maskstream_model.families import release_of
from maskstream_model.port import Model, ModelInfo
from maskstream_model.tasks.panoptic import panoptic_video
from maskstream_train.data.annotations import read_annotations
from maskstream_train.data.classes import match_classes
from maskstream_train.data.readers import Format, open_reader
from maskstream_train.data.referring import beyond, open_referring
from maskstream_train.data.vipseg import VipsegReader
from maskstream_train.data.ytvis import InstanceReader
from maskstream_train.evaluation.benchmark import (
    ClipSegmenter,
    FrameTracker,
    Plan,
    run_instances,
    run_panoptic,
)
from maskstream_train.evaluation.evaluate import num_classes
from maskstream_train.evaluation.panoptic.score import PanopticScore
from maskstream_train.evaluation.referring.folders import ReferringForm
from maskstream_train.evaluation.referring.run import run_referring
from maskstream_train.evaluation.referring.score import ReferringScore
from maskstream_train.evaluation.request import Begin, Request
from maskstream_train.evaluation.vis_score import VisScore

UNANNOTATED = "the data set has no annotations, so nothing was measured here"


@dataclass(frozen=True)
class BenchmarkAnswer:
    """Where the results are, and what they are worth.

    Attributes:
        settings: model and data, so that the numbers can be had again.
        results: file or folder.
        score: None where the data set has no annotations.
    """

    settings: Mapping[str, Any]
    results: Path
    score: VisScore | PanopticScore | ReferringScore | None

    @property
    def notes(self) -> Sequence[str]:
        """Sentences beside the numbers."""
        return [f"results: {self.results}", *([UNANNOTATED] if self.score is None else [])]

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "settings": dict(self.settings),
            "results": str(self.results),
            "score": None if self.score is None else self.score.as_json(),
            "notes": list(self.notes),
        }

    def tables(self) -> list[Table]:
        """Return the tables of the score, none where there is none."""
        return [] if self.score is None else self.score.tables()


def answer_benchmark(
    model: Model[Any],
    request: Request,
    form: Format,
    settings: Mapping[str, Any],
    begin: Begin,
) -> BenchmarkAnswer:
    """Run a benchmark.

    Raises:
        ConfigError: a model of another task, or results that cannot be written.
        DatasetError: data that is not what it should be, or of other classes than the model's.
    """
    info = model.info
    reader = open_reader(Path(request.data), form)
    if request.beyond is not None:
        reader = _beyond(reader, request.beyond)
    if form == "vipseg":
        # Before the classes: a model of another task gets the error about its task.
        clip_segmenter(info)
    num_classes(info)
    published = release_of(info.name) is not None
    categories = match_classes(reader.categories, info.classes or (), info.name, ordered=published)
    out = request.out or Path("results" if form == "vipseg" else "results.json")
    plan = Plan(categories, out, request.objects, ovis=form == "ovis")
    progress = begin(sum(len(video.pictures) for video in reader.videos))
    described = {**settings, "format": form, "objects": request.objects}
    if isinstance(reader, InstanceReader):
        return BenchmarkAnswer(described, out, run_instances(model, reader, plan, progress))
    segment = clip_segmenter(info)
    if not isinstance(model, FrameTracker):
        raise ConfigError(f"{info.name} of {info.family} cannot be measured on clips of VIPSeg")
    return BenchmarkAnswer(described, out, run_panoptic(model, reader, segment, plan, progress))


def answer_referring(
    model: Model[Any],
    request: Request,
    form: ReferringForm,
    settings: Mapping[str, Any],
    begin: Begin,
) -> BenchmarkAnswer:
    """Run a benchmark of sentences.

    Raises:
        ConfigError: objects are chosen, a model without prompts, or results cannot be written.
        DatasetError: data that is not what it should be.
    """
    if request.objects != "all":
        raise ConfigError(f"--objects has no part in {form}: its objects are what sentences name")
    videos = open_referring(Path(request.data))
    if request.beyond is not None:
        videos = beyond(videos, request.beyond)
    out = request.out or Path("results")
    progress = begin(sum(len(video.info.pictures) for video in videos))
    score = run_referring(model, videos, form, out, progress)
    return BenchmarkAnswer({**settings, "format": form}, out, score)


def clip_segmenter(info: ModelInfo) -> ClipSegmenter:
    """Return what makes panoptic clips of a model's outputs.

    Raises:
        ConfigError: the model is not a panoptic one.
    """
    if info.task != "panoptic":
        raise ConfigError(f"{info.name} segments {info.task}; VIPSeg needs a panoptic model")
    return panoptic_video


def _beyond(reader: InstanceReader | VipsegReader, others: Path) -> InstanceReader:
    if not isinstance(reader, InstanceReader):
        raise ConfigError("--beyond is for videos in the form of YouTube-VIS")
    return reader.of(reader.annotations.beyond(read_annotations(others)))
