"""Does repulsion keep masks of crowded objects apart? A small trial of MDQE (docs/ablation.md).

Networks that differ in nothing but their mask losses learn from the same clips, from the same
random weights, and are measured on clips that none has seen. A run that is done is not done again.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from maskstream_model.aliases import Bools
from maskstream_model.checkpoint import fingerprint, load_into, load_weights
from maskstream_model.classes import classes
from maskstream_model.config.networks import ResNetConfig
from maskstream_model.mdqe.config import MdqeConfig, MdqeRules, NetworkConfig
from maskstream_model.mdqe.model import MdqeModel
from maskstream_model.mdqe.network import MdqeNetwork
from maskstream_train.ablation.runs import write_text
from maskstream_train.ablation.table import Summary, summary
from maskstream_train.data.synthetic import SyntheticConfig
from maskstream_train.evaluation.evaluate import min_frames, stream
from maskstream_train.evaluation.records import EvaluatedVideo, VideoRecorder
from maskstream_train.evaluation.report import ReportBuilder
from maskstream_train.evaluation.sources import AnnotatedClip, synthetic_clips
from maskstream_train.training.loop import train
from maskstream_train.training.mdqe.stage import MdqeStage
from maskstream_train.training.recipes import Recipe
from maskstream_train.training.run_options import BatchPlan, Budget, StageOptions

ARMS = {"usual losses": False, "repulsion": True}
"""Whether masks are kept off the objects nearby, by the arm's name."""
FOUND_IOU = 0.3
"""IoU from which the best mask of an object counts as its own, where spill is measured."""
SMALL = MdqeConfig(
    "mdqe_small",
    classes("person animal car ball"),
    NetworkConfig(
        ResNetConfig("basic", 16, (16, 32, 64, 64), (1, 1, 1, 1)),
        width=64,
        heads=4,
        layers=2,
        grid=7,
        frames=2,
        track_width=16,
    ),
    online=MdqeRules(clip_frames=2, instance_score_min=0.05, min_size=None),
)
"""A model that a few minutes of a CPU can teach something."""

CROWDED = SyntheticConfig(
    height=64,
    width=96,
    num_frames=2,
    max_objects=8,
    empty_ratio=0.0,
    event_ratio=0.1,
    surveillance_ratio=1.0,
    degradation=0.0,
)
"""Clear clips of many objects, which hide one another."""


@dataclass(frozen=True)
class Trial:
    """What is compared, and on what.

    Attributes:
        out: folder of all runs.
        steps: of each run.
        num_seeds: each arm is trained that often.
        clips: settings of the generator; training clips have `SMALL`'s clip length.
        batch_size: clips of a step.
        test_clips: to measure on.
        test_frames: of each of these.
    """

    out: Path
    steps: int = 250
    num_seeds: int = 3
    clips: SyntheticConfig = CROWDED
    batch_size: int = 2
    test_clips: int = 40
    test_frames: int = 6


def run_trial(trial: Trial, tell: Callable[[str], None]) -> Summary:
    """Train and measure what is not done yet; write `crowds.json` and return the summary.

    Args:
        trial: what is compared.
        tell: is given a line of progress at a time.
    """
    results: dict[str, list[dict[str, float]]] = {arm: [] for arm in ARMS}
    for seed in range(trial.num_seeds):
        for arm in ARMS:
            results[arm].append(_result(trial, arm, seed))
            tell(f"{arm}, seed {seed}: {_line(results[arm][-1])}")
    arms = summary(results)
    write_text(trial.out / "crowds.json", json.dumps(arms, indent=2) + "\n")
    return arms


def _result(trial: Trial, arm: str, seed: int) -> dict[str, float]:
    folder = trial.out / f"{arm.replace(' ', '-')}-{seed}"
    path = folder / "result.json"
    if not path.exists():
        options = StageOptions(
            config=SMALL,
            out=folder,
            budget=Budget(steps=trial.steps),
            plan=BatchPlan(
                trial.clips, batch_size=trial.batch_size, scales=(1.0,), zoom_share=0.0, seed=seed
            ),
            recipe=Recipe(
                learning_rate=2e-3, weight_decay=1e-4, warm_up_steps=20, average_decay=0.99
            ),
            resume=True,
            checkpoint_minutes=1.0,
        )
        torch.manual_seed(seed)
        run = train(MdqeStage(SMALL, torch.device("cpu"), ARMS[arm]), options)
        numbers = measure(_model(options.weights_path), trial)
        facts = {"steps": float(run.step), "minutes": run.elapsed_s / 60}
        write_text(path, json.dumps(numbers | facts, indent=2) + "\n")
    return dict(json.loads(path.read_text()))


def _model(path: Path) -> MdqeModel:
    weights = load_weights(path)
    network = MdqeNetwork(SMALL.network, SMALL.num_classes)
    load_into(network, weights)
    return MdqeModel(SMALL, network, torch.device("cpu"), fingerprint(weights, SMALL))


def measure(model: MdqeModel, trial: Trial) -> dict[str, float]:
    """Return AP of tubes, and IoU and spill of masks, over clips that no run has seen.

    `iou` is the mean over objects and frames of that of an object's best mask, classes aside.
    `spill` is the share of that mask's pixels that other objects show, over those with an IoU of
    `FOUND_IOU`; `found` their share.
    """
    config = replace(trial.clips, num_frames=trial.test_frames)
    builder, pairs = ReportBuilder(model.config.num_classes), list[tuple[float, float]]()
    for clip in synthetic_clips(config, 0, trial.test_clips):
        builder.add(_run(model, clip, pairs))
    best, spill = np.array(pairs).T
    found = best >= FOUND_IOU
    return dict(builder.report().agnostic.overall) | {
        "iou": float(best.mean()),
        "found": float(found.mean()),
        "spill": float(spill[found].mean()) if found.any() else 0.0,
    }


def _run(model: MdqeModel, clip: AnnotatedClip, pairs: list[tuple[float, float]]) -> EvaluatedVideo:
    frames = list(clip.frames)
    recorder = VideoRecorder(clip.truth_labels, clip.crowd, min_frames(model.info))
    found = stream(model, (frame for frame, _ in frames))
    for tracks, (_, truth) in zip(found, frames, strict=True):
        recorder.add(tracks, truth)
        pairs.extend(best_masks(tracks.masks, truth))
    return recorder.record()


def best_masks(masks: Bools, truth: Bools) -> list[tuple[float, float]]:
    """Return IoU and spill of the best mask of each object that a frame shows.

    Args:
        masks: `(N, height, width)`, predicted.
        truth: `(G, height, width)`, visible pixels.
    """
    seen = truth[truth.any((1, 2))]
    if not len(seen) or not len(masks):
        return [(0.0, 0.0)] * len(seen)
    seen = seen.reshape(len(seen), -1)
    flat = masks.reshape(len(masks), -1)
    common = seen.astype(np.float64) @ flat.T.astype(np.float64)  # (G, N)
    areas = flat.sum(1)
    ious = common / np.maximum(1, seen.sum(1)[:, None] + areas - common)
    best = ious.argmax(1)
    rows = np.arange(len(seen))
    others = common.sum(0)[best] - common[rows, best]
    spill = others / np.maximum(1, areas[best])
    return list(zip(ious[rows, best].tolist(), spill.tolist(), strict=True))


def _line(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {numbers[name]:.3f}" for name in ("AP", "AP50", "iou", "spill"))
