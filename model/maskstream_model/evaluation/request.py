"""What `maskstream eval` is asked, and who answers it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from maskstream_model import load_model
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.errors import ConfigError
from maskstream_model.evaluation.evaluate import Progress, evaluate_online
from maskstream_model.evaluation.report import Report, report_table, sweep_table
from maskstream_model.evaluation.results import ResultCollector, write_results
from maskstream_model.evaluation.sources import (
    AnnotatedClip,
    open_dataset,
    synthetic_clips,
)
from maskstream_model.evaluation.variants import (
    Rules,
    daq_variant,
    evaluate_variants,
    grid,
    hungarian_variant,
    parse_rules,
)

SYNTHETIC = "synthetic"
Begin = Callable[[int], Progress]
"""Starts a progress bar of so many frames; what it returns is told of frames done."""

# Both thresholds of birth move together, as the released models have them.
SWEEP = ("emergence_score_min=0.4,0.5,0.6,0.7", "tracked_score_min=0.2,0.3,0.4,0.5")
BASELINE_SWEEP = (
    "emergence_score_min=0.3,0.5,0.7,0.85,0.95",
    "tracked_score_min=0.1,0.3,0.5",
    "similarity_min=-1,0.4",
)


@dataclass(frozen=True)
class Request:
    """The options of `maskstream eval`; see its help."""

    preset: str = "demo"
    weights: str | None = None
    device: str = "cpu"
    data: str = SYNTHETIC
    clips: int = 50
    frames: int = 24
    size: tuple[int, int] = (256, 448)
    seed: int = 0
    cutouts: Path | None = None
    textures: Path | None = None
    tracker: str = "daq"
    overrides: Sequence[str] = ()
    sweep: bool = False
    grid: Sequence[str] = ()
    min_score: float = 0.0
    agnostic: bool = False
    out: Path | None = None


@dataclass(frozen=True)
class Answer:
    """Reports by name, with the rules each was run with where they were varied."""

    reports: Mapping[str, Report]
    by_class: bool
    rules: Mapping[str, Rules] = field(default_factory=dict)
    notes: Sequence[str] = ()
    sweep: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "reports": {
                name: {"rules": dict(self.rules.get(name, {})), **report.as_json(self.by_class)}
                for name, report in self.reports.items()
            },
            "notes": list(self.notes),
        }

    def table(self) -> Table:
        """Return a table for people."""
        if self.sweep:
            return sweep_table(self.reports, self.rules, self.by_class)
        return report_table(self.reports, self.by_class)


@dataclass(frozen=True)
class Source:
    """Clips to measure on; `categories` are the category ids of the model's classes, if it has."""

    clips: Iterator[AnnotatedClip]
    num_frames: int
    categories: Sequence[int] | None


def answer(request: Request, begin: Begin) -> Answer:
    """Load the model, run it, and return its numbers.

    Raises:
        ConfigError: options that cannot be.
        CheckpointError: weights that do not fit.
        DatasetError: data that is not what it should be.
    """
    model = open_model(request)
    source = open_source(request, [info.name for info in model.config.classes])
    if request.out is not None and (request.sweep or request.tracker != "daq"):
        raise ConfigError("a result file can be written of one run only, not of a comparison")
    if request.sweep:
        return _sweep(model, source, request, begin)
    if request.tracker == "hungarian":
        return _compare(model, source, request, begin)
    return _plain(model, source, request, begin)


def open_model(request: Request) -> OnlineDaq:
    """Load the model that the request names, with its overrides."""
    overrides = {name: values[0] for name, values in parse_rules(request.overrides).items()}
    return load_model(request.preset, request.weights, request.device, **overrides)


def open_source(request: Request, class_names: Sequence[str]) -> Source:
    """Open the data that the request names."""
    if request.data != SYNTHETIC:
        dataset = open_dataset(Path(request.data), class_names)
        frames = sum(len(video.file_names) for video in dataset.annotations.videos)
        dataset = dataset.agnostic() if request.agnostic else dataset
        return Source(dataset.clips(), frames, dataset.categories)
    from maskstream_model.data.synthetic import SyntheticConfig

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


def _plain(model: OnlineDaq, source: Source, request: Request, begin: Begin) -> Answer:
    collector = None if request.out is None else ResultCollector(source.categories)
    progress = begin(source.num_frames)
    report = evaluate_online(model, source.clips, progress, request.min_score, collector)
    if request.out is not None and collector is not None:
        write_results(request.out, collector.detections)
    return Answer({"daq": report}, source.categories is not None)


def _sweep(model: OnlineDaq, source: Source, request: Request, begin: Begin) -> Answer:
    baseline = request.tracker == "hungarian"
    points = sweep_points((*(BASELINE_SWEEP if baseline else SWEEP), *request.grid))
    build = hungarian_variant if baseline else daq_variant
    variants = {name: build(model, rules) for name, rules in points.items()}
    progress = begin(source.num_frames * len(variants))
    reports = evaluate_variants(model, variants, source.clips, progress, request.min_score)
    return Answer(reports, source.categories is not None, points, sweep=True)


def _compare(model: OnlineDaq, source: Source, request: Request, begin: Begin) -> Answer:
    """Put the model beside the baseline at the point of its sweep that has the model's recall."""
    points = sweep_points((*BASELINE_SWEEP, *request.grid))
    variants: dict[str, Any] = {"daq": model}
    variants |= {name: hungarian_variant(model, rules) for name, rules in points.items()}
    progress = begin(source.num_frames * len(variants))
    reports = evaluate_variants(model, variants, source.clips, progress, request.min_score)
    ours = reports.pop("daq")
    name, note = at_equal_recall(ours, reports)
    chosen = {"daq": ours, "hungarian": reports[name]}
    rules = {"hungarian": points[name]}
    return Answer(chosen, source.categories is not None, rules, [note])


def sweep_points(texts: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """Return the points of a grid by name; a later text replaces an earlier one of its rule.

    The first frame's threshold of birth follows that of later frames unless it is given.
    """
    points = {}
    for rules in grid(parse_rules(texts)):
        name = " ".join(f"{key.removesuffix('_score_min')} {value}" for key, value in rules.items())
        if "emergence_score_min" in rules:
            rules.setdefault("first_frame_score_min", rules["emergence_score_min"])
        points[name] = rules
    return points


def at_equal_recall(ours: Report, baseline: Mapping[str, Report]) -> tuple[str, str]:
    """Return the baseline's best point that recalls no less than `ours`, and a sentence on it.

    The best is the most precise one, chosen on the evaluated clips themselves, which favours the
    baseline. Where none recalls as much, it is the one that recalls most.
    """
    wanted = ours.identities.recall
    equal = [name for name, report in baseline.items() if report.identities.recall >= wanted]
    if equal:
        name = max(equal, key=lambda point: baseline[point].identities.precision)
        return name, f"baseline with {name}: its most precise point of at least equal recall"
    name = max(baseline, key=lambda point: baseline[point].identities.recall)
    return name, f"baseline with {name}: its highest recall; none reaches {wanted:.3f}"
