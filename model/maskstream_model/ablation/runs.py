"""The whole comparison: for every seed and arm train a tracker, measure it, write the table.

Everything is on disk: a run that is done is not done again, one that was stopped goes on.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from maskstream_model.ablation.arms import DEFAULT_ARMS, recipe_of
from maskstream_model.ablation.measure import measure
from maskstream_model.ablation.segmented import ClipSet, SegmentedClips, segmented_clips
from maskstream_model.ablation.table import Summary, markdown, summary
from maskstream_model.checkpoint import below, fingerprint, load_into, load_weights
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.data.seeds import evaluation_seed, training_seed
from maskstream_model.data.synthetic import SyntheticConfig
from maskstream_model.drafts import drafted
from maskstream_model.errors import ConfigError, TrainingError
from maskstream_model.mask2former.segmenter import Segmenter
from maskstream_model.training.loop import train
from maskstream_model.training.options import BatchPlan, RunOptions
from maskstream_model.training.run import TRACKER, segmenter_of
from maskstream_model.training.tracker_stage import TrackerStage

Tell = Callable[[str], None]
CALM: Mapping[str, Any] = {
    "empty_ratio": 0.0,
    "surveillance_ratio": 1.0,
    "degradation": 0.0,
    "min_visible_px": 100,
}
"""Clips that a small segmenter reads well: what it misses, no tracker can find."""


@dataclass(frozen=True)
class Ablation:
    """What is compared, and on what.

    Attributes:
        options: of every run; `init` holds the segmenter, `plan.clips` the size and the number of
            frames of training clips, `budget` is that of one run of one arm.
        arms: names out of `arms.ARMS`.
        num_seeds: every arm is trained that often, with seeds from `options.plan.seed` on.
        train_clips: number of training clips; all arms and seeds learn from the same.
        test_clips: number of clips to measure on.
        test_frames: frames of these.
        train_events: share of the training clips' objects that come or go. The paper counts fewer
            than 20 % of the samples of real data sets that show such a thing.
        test_events: the same of the clips to measure on.
    """

    options: RunOptions
    arms: tuple[str, ...] = DEFAULT_ARMS
    num_seeds: int = 3
    train_clips: int = 400
    test_clips: int = 100
    test_frames: int = 20
    train_events: float = 0.1
    test_events: float = 0.8

    def __post_init__(self) -> None:
        """Check the plan.

        Raises:
            ConfigError: the model learns from a data set.
        """
        if not isinstance(self.options.plan, BatchPlan):
            raise ConfigError(f"{self.options.config.name} cannot be compared on synthetic clips")

    @property
    def _clips(self) -> SyntheticConfig:
        assert isinstance(self.options.plan, BatchPlan)  # Checked above.
        return self.options.plan.clips

    @property
    def training(self) -> ClipSet:
        """The clips that trackers learn from."""
        clips = replace(self._clips, event_ratio=self.train_events, **CALM)
        return ClipSet(clips, training_seed(0), self.train_clips)

    @property
    def held_out(self) -> ClipSet:
        """The clips that they are measured on."""
        events, clips = self.test_events, self._clips
        longer = replace(clips, event_ratio=events, num_frames=self.test_frames, **CALM)
        return ClipSet(longer, evaluation_seed(0), self.test_clips)


def run_ablation(ablation: Ablation, tell: Tell) -> Summary:
    """Train and measure what is not done yet; return the summary.

    It is written to `ablation.json` and `ablation.md` after every run.

    Args:
        ablation: what is compared.
        tell: is given a line of progress at a time.

    Raises:
        ConfigError: an unknown arm, or more clips than there is room for.
        CheckpointError: the segmenter does not fit the preset.
        TrainingError: the folder is of another ablation.
    """
    bench = _Bench(ablation, tell)
    results: dict[str, list[dict[str, float]]] = {arm: [] for arm in ablation.arms}
    out, first = ablation.options.out, ablation.options.plan.seed
    for seed in range(first, first + ablation.num_seeds):
        for arm in ablation.arms:
            results[arm].append(bench.result(arm, seed))
            arms = summary({name: runs for name, runs in results.items() if runs})
            report = {"settings": bench.settings, "arms": arms}
            write_text(out / "ablation.json", json.dumps(report, indent=2) + "\n")
            write_text(out / "ablation.md", markdown(arms))
    return arms


class _Bench:
    """What all runs share: the segmenter, its outputs, the folder."""

    def __init__(self, ablation: Ablation, tell: Tell) -> None:
        self._ablation, self._options, self._tell = ablation, ablation.options, tell
        for arm in ablation.arms:
            recipe_of(arm, self._options.tracker)
        assert self._options.init is not None
        config = self._options.config
        self._weights = segmenter_of(load_weights(self._options.init))
        self._segmenter = Segmenter(config.segmenter, config.num_classes)
        load_into(self._segmenter, self._weights)
        self._segmenter.to(self._options.device).eval().requires_grad_(False)
        self._mark = fingerprint(self._weights, config)
        self.settings = self._settings()
        self._options.out.mkdir(parents=True, exist_ok=True)
        self._claim(self._options.out / "settings.json")
        self._clips: dict[str, SegmentedClips] = {}

    def _settings(self) -> dict[str, str]:
        """Return all that results depend on, as text."""
        ablation, options = self._ablation, self._options
        return {
            "segmenter": self._mark,
            "training": str(ablation.training),
            "held_out": str(ablation.held_out),
            "budget": str(options.budget),
            "batch_size": str(options.plan.batch_size),
            "recipe": str(options.recipe),
            "tracker": str(options.tracker),
            "online": str(options.config.online),
        }

    def _claim(self, path: Path) -> None:
        """Write the settings, or compare them with those that results in the folder had."""
        if not path.exists():
            write_text(path, json.dumps(self.settings, indent=2) + "\n")
        found = json.loads(path.read_text())
        differing = [name for name, value in self.settings.items() if found.get(name) != value]
        if differing:
            raise TrainingError(
                f"{path} is of another ablation (by {', '.join(differing)}); choose another --out"
            )

    def result(self, arm: str, seed: int) -> dict[str, float]:
        """Return the numbers of one run, which is done first where they are missing."""
        folder = self._options.out / f"{arm}-{seed}"
        path = folder / "result.json"
        if not path.exists():
            self._tell(f"{arm}, seed {seed}: training")
            options = self._run_options(arm, seed)
            facts = self._train(options)
            self._tell(f"{arm}, seed {seed}: measuring")
            numbers = measure(self._model(options), self._set("held_out"))
            write_text(path, json.dumps(numbers | facts, indent=2) + "\n")
        numbers = json.loads(path.read_text())
        self._tell(
            f"{arm}, seed {seed}: recall of emergence {numbers['emergence_recall']:.3f}, "
            f"of disappearance {numbers['disappearance_recall']:.3f}, AP {numbers['AP']:.3f}"
        )
        return dict(numbers)

    def _run_options(self, arm: str, seed: int) -> RunOptions:
        recipe = recipe_of(arm, self._options.tracker)
        return replace(
            self._options,
            config=recipe.model_of(self._options.config),
            out=self._options.out / f"{arm}-{seed}",
            plan=replace(self._options.plan, seed=seed),
            tracker=recipe,
            resume=True,
        )

    def _train(self, options: RunOptions) -> dict[str, float]:
        torch.manual_seed(options.plan.seed)
        stage = TrackerStage(options.config, options, self._weights)
        run = train(stage, options, batches=self._set("training").stream)
        return {"steps": float(run.step), "minutes": run.elapsed_s / 60.0}

    def _model(self, options: RunOptions) -> OnlineDaq:
        """Return the tracker that a run has written, with its rules."""
        config = options.config
        tracker = QueryTracker(config.segmenter, config.tracker, config.num_classes)
        weights = load_weights(options.weights_path)
        load_into(tracker, below(weights, TRACKER))
        mark = fingerprint(weights, config)
        return OnlineDaq(config, self._segmenter, tracker, torch.device(options.device), mark)

    def _set(self, name: str) -> SegmentedClips:
        """Return the training or the held-out clips; made, or read, when first asked for."""
        if name not in self._clips:
            wanted: ClipSet = getattr(self._ablation, name)
            self._tell(f"{name}: {wanted.count} clips")
            path = self._options.out / f"{name}.safetensors"
            self._clips[name] = segmented_clips(path, self._segmenter, self._mark, wanted)
        return self._clips[name]


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with drafted(path) as draft:
        draft.write_text(text)
