"""Runs what `maskstream eval` is asked: opens model and data, and hands them to who measures."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from maskstream_model import load_model
from maskstream_model.backends.accelerate import accelerate
from maskstream_model.backends.execution import Wish
from maskstream_model.backends.table import EAGER
from maskstream_model.config import ModelConfig
from maskstream_model.daq.offline import OfflineDaq
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.errors import ConfigError
from maskstream_model.families import graph_of
from maskstream_model.port import Model
from maskstream_model.query_tracking import QueryTrackingModel
from maskstream_train.data.layouts import annotation_file
from maskstream_train.data.packed_stills import PackedStills
from maskstream_train.data.pictures import list_pictures, read_picture
from maskstream_train.data.readers import PACKED, open_instances
from maskstream_train.data.videos import VideoDataset
from maskstream_train.evaluation.benchmark_answer import answer_benchmark, answer_referring
from maskstream_train.evaluation.evaluate import evaluate_model, num_classes, stream
from maskstream_train.evaluation.presence import (
    PresenceReport,
    judge_presence,
    track_lives,
)
from maskstream_train.evaluation.presence_truth import PresenceTruth, read_presence
from maskstream_train.evaluation.printable import NamedReports, PrintableReport
from maskstream_train.evaluation.request import SYNTHETIC, Begin, Request, check_options
from maskstream_train.evaluation.sources import (
    Source,
    open_dataset,
    synthetic_clips,
)
from maskstream_train.evaluation.stills import measure_stills
from maskstream_train.evaluation.stills_score import StillsScore
from maskstream_train.evaluation.submission import ResultCollector, write_results
from maskstream_train.evaluation.sweep import (
    BASELINE_SWEEP,
    SWEEP,
    at_equal_recall,
    parse_rules,
    sweep_points,
)
from maskstream_train.evaluation.variants import (
    daq_variant,
    evaluate_variants,
    hungarian_variant,
)

MOST_FRAMES = 8
"""Of one step; no family takes more."""


def answer(request: Request, begin: Begin) -> PrintableReport:
    """Load the model, run it, and return its numbers.

    Raises:
        ConfigError: options that cannot be.
        CheckpointError: weights that do not fit.
        DatasetError: data that is not what it should be.
    """
    check_options(request)
    model = open_model(request)
    if request.form == PACKED or request.form == "coco":
        return _stills(model, request, begin)
    if request.form is not None:
        settings = settings_of(model, request)
        if request.form == "ref-ytvos" or request.form == "ref-davis":
            return answer_referring(model, request, request.form, settings, begin)
        return answer_benchmark(model, request, request.form, settings, begin)
    if request.truth is not None:
        return _presence(model, read_presence(request.truth), request, begin)
    num_classes(model.info)
    source = open_source(request, [each.name for each in model.info.classes or ()])
    if request.out is not None and (request.sweep or request.tracker != "daq"):
        raise ConfigError("a result file can be written of one run only, not of a comparison")
    if not request.sweep and request.tracker != "hungarian":
        return _plain(model, source, request, begin)
    if not isinstance(model, OnlineDaq):
        raise ConfigError(f"{request.preset} is no model of DVIS-DAQ: only its rules can be varied")
    compare = _sweep if request.sweep else _compare
    return compare(model, source, request, begin)


def settings_of(model: Model[Any], request: Request) -> dict[str, Any]:
    """Return what one needs to have the same numbers again, as plain values."""
    synthetic = ("clips", "frames", "size", "seed") if request.data == SYNTHETIC else ()
    given = {name: getattr(request, name) for name in ("preset", "data", "min_score", *synthetic)}
    real = {
        name: None if getattr(request, name) is None else str(getattr(request, name))
        for name in ("cutouts", "textures")
    }
    rules = _rules(model.config) if isinstance(model, QueryTrackingModel | OfflineDaq) else {}
    return {**given, **real, "fingerprint": model.info.fingerprint, "rules": rules}


def _rules(config: ModelConfig) -> dict[str, Any]:
    refining = {} if config.offline is None else asdict(config.offline)
    return {**asdict(config.online), **refining}


def open_model(request: Request) -> Model[Any]:
    """Load the model that the request names, with its overrides, on its backend.

    Raises:
        CompileError: the backend cannot run here, or differs from eager.
        ConfigError: it was not said which sizes of frames will come.
    """
    rules = {name: values[0] for name, values in parse_rules(request.overrides).items()}
    model = load_model(request.preset, request.weights, request.device, **rules)
    sizes = tuple(request.compile_size) or ((request.size,) if request.data == SYNTHETIC else ())
    if request.backend != EAGER and not sizes:
        raise ConfigError("--backend needs the sizes of frames: say --compile-size")
    most = max((model.clip_frames(*size, MOST_FRAMES) for size in sizes), default=1)
    wish = Wish(request.backend, request.precision, sizes, most)
    accelerate(graph_of(request.preset, model), wish)
    return model


def open_source(request: Request, class_names: Sequence[str]) -> Source:
    """Open the data that the request names."""
    if request.data != SYNTHETIC:
        return open_dataset(Path(request.data), class_names, request.agnostic)
    from maskstream_train.data.synthetic import SyntheticConfig

    config = SyntheticConfig(
        height=request.size[0],
        width=request.size[1],
        num_frames=request.frames,
        cutouts=request.cutouts,
        textures=request.textures,
    )
    clips = synthetic_clips(config, request.seed, request.clips)
    categories = None if request.agnostic else range(1, len(class_names) + 1)
    return Source(clips, request.clips * request.frames, categories)


def _plain(model: Model[Any], source: Source, request: Request, begin: Begin) -> NamedReports:
    collector = None if request.out is None else ResultCollector(source.categories)
    progress = begin(source.num_frames)
    report = evaluate_model(model, source.clips, progress, request.min_score, collector)
    if request.out is not None and collector is not None:
        write_results(request.out, collector.detections)
    return NamedReports(settings_of(model, request), {"daq": report}, source.categories is not None)


def _sweep(model: OnlineDaq, source: Source, request: Request, begin: Begin) -> NamedReports:
    baseline = request.tracker == "hungarian"
    points = sweep_points((*(BASELINE_SWEEP if baseline else SWEEP), *request.grid))
    build = hungarian_variant if baseline else daq_variant
    variants = {name: build(model, rules) for name, rules in points.items()}
    settings = settings_of(model, request)
    progress = begin(source.num_frames * len(variants))
    reports = evaluate_variants(model, variants, source.clips, progress, request.min_score)
    return NamedReports(settings, reports, source.categories is not None, points, sweep=True)


def _compare(model: OnlineDaq, source: Source, request: Request, begin: Begin) -> NamedReports:
    """Put the model beside the baseline where its sweep has the model's recall."""
    points = sweep_points((*BASELINE_SWEEP, *request.grid))
    variants: dict[str, Any] = {"daq": model}
    variants |= {name: hungarian_variant(model, rules) for name, rules in points.items()}
    settings = settings_of(model, request)
    progress = begin(source.num_frames * len(variants))
    reports = evaluate_variants(model, variants, source.clips, progress, request.min_score)
    ours = reports.pop("daq")
    chosen = {f"hungarian, {why}": name for why, name in at_equal_recall(ours, reports).items()}
    return NamedReports(
        settings,
        {"daq": ours, **{column: reports[name] for column, name in chosen.items()}},
        source.categories is not None,
        {column: points[name] for column, name in chosen.items()},
        [f"{column}: {name}" for column, name in chosen.items()],
    )


def _stills(model: Model[Any], request: Request, begin: Begin) -> StillsScore:
    """Measure on annotated pictures, each the first frame of a session."""
    num_classes(model.info)
    reader: VideoDataset
    if request.form == PACKED:
        reader = PackedStills(Path(request.data))
    else:
        reader = open_instances(annotation_file(Path(request.data), "instances"), "coco")
    names = [name.strip() for name in request.names.split(",") if name.strip()]
    settings = settings_of(model, request) | {"format": request.form, "names": names}
    return measure_stills(model, reader, names, settings, begin(len(reader.videos)))


def _presence(
    model: Model[Any], truth: PresenceTruth, request: Request, begin: Begin
) -> PresenceReport:
    """Run the model over a folder of frames and say how its tracks come and go."""
    paths = list_pictures(Path(request.data))
    progress = begin(len(paths))
    tracks = stream(model, (read_picture(path) for path in paths), progress)
    return judge_presence(track_lives(tracks, request.min_score), truth)
