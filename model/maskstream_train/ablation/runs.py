"""The whole comparison: for every seed and arm train a tracker, measure it, write the table.

Everything is on disk: a run that is done is not done again, one that was stopped continues.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from maskstream_model.atomic_writes import atomic_write
from maskstream_model.checkpoint import below, fingerprint, load_into, load_weights
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.errors import TrainingError
from maskstream_model.mask2former.segmenter import Segmenter
from maskstream_train.ablation.arms import recipe_of
from maskstream_train.ablation.measure import measure
from maskstream_train.ablation.plan import Ablation
from maskstream_train.ablation.segmented import ClipSet, SegmentedClips, segmented_clips
from maskstream_train.ablation.table import Summary, markdown, summary
from maskstream_train.training.loop import train
from maskstream_train.training.run import TRACKER, segmenter_of
from maskstream_train.training.run_checkpoint import make_folder
from maskstream_train.training.run_options import RunOptions
from maskstream_train.training.tracker_stage import TrackerStage

Tell = Callable[[str], None]


def run_ablation(ablation: Ablation, tell: Tell) -> Summary:
    """Train and measure what is not done yet; return the summary.

    It is written to `ablation.json` and `ablation.md` after every run.

    Args:
        ablation: what is compared.
        tell: is given a line of progress at a time.

    Raises:
        ConfigError: an unknown arm, or more clips than fit.
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
        make_folder(self._options.out)
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
    with atomic_write(path) as temporary:
        temporary.write_text(text)
