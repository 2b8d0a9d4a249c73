"""Does repulsion keep masks of crowded objects apart? A small trial of MDQE (docs/ablation.md).

Networks that differ in nothing but their mask losses learn from the same clips, from the same
random weights, and are measured on clips that none has seen. A run that is done is not done again.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from maskstream_model.checkpoint import load_into
from maskstream_model.classes import EVERYDAY, classes
from maskstream_model.config.networks import ResNetConfig
from maskstream_model.mdqe.config import MdqeConfig, MdqeRules, NetworkConfig
from maskstream_train.ablation.runs import write_text
from maskstream_train.ablation.table import Summary, summary
from maskstream_train.data.seeds import evaluation_seed
from maskstream_train.data.synthetic import ClipGenerator, SyntheticConfig
from maskstream_train.training.loop import train
from maskstream_train.training.mdqe.assignment import ClipOutput, costs
from maskstream_train.training.mdqe.repulsion import surroundings
from maskstream_train.training.mdqe.stage import MdqeStage
from maskstream_train.training.mdqe.truth import ClipTruth, clip_truth
from maskstream_train.training.recipes import Recipe
from maskstream_train.training.run_options import BatchPlan, Budget, StageOptions
from maskstream_train.training.targets import collate

ARMS = {"usual losses": False, "repulsion": True}
"""Whether masks are kept off the objects nearby, by the arm's name."""
NUMBERS = ("iou", "own", "near", "away")
"""What is measured of each object; see `measure`."""
SMALL = MdqeConfig(
    "mdqe_small",
    classes(EVERYDAY),
    NetworkConfig(
        ResNetConfig("basic", 16, (16, 32, 64, 64), (1, 1, 1, 1)),
        width=64,
        heads=4,
        layers=2,
        grid=7,
        frames=2,
        track_width=16,
    ),
    online=MdqeRules(clip_frames=2),
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
    """

    out: Path
    steps: int = 200
    num_seeds: int = 3
    clips: SyntheticConfig = CROWDED
    batch_size: int = 2
    test_clips: int = 100


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
        stage = MdqeStage(SMALL, torch.device("cpu"), ARMS[arm])
        run = train(stage, options)
        load_into(stage.network, run.averaged.tensors)
        stage.module.eval()
        numbers = measure(stage, trial)
        facts = {"steps": float(run.step), "minutes": run.elapsed_s / 60}
        write_text(path, json.dumps(numbers | facts, indent=2) + "\n")
    return dict(json.loads(path.read_text()))


def measure(stage: MdqeStage, trial: Trial) -> dict[str, float]:
    """Return what masks are worth on clips that no run has seen, means over their objects.

    Each object has the query that costs it least, as in training. `iou` is that of its mask; `own`,
    `near` and `away` are mean probabilities on the object, on other objects nearby, and elsewhere.
    """
    generator = ClipGenerator(trial.clips, evaluation_seed(0))
    rows = list[tuple[float, ...]]()
    for number in range(trial.test_clips):
        batch = collate([generator.clip(number)])
        truth = clip_truth(batch, 0)
        if len(truth):
            rows += qualities(stage.answers(batch), truth)
    values = np.array(rows)
    return {name: float(np.nanmean(column)) for name, column in zip(NUMBERS, values.T, strict=True)}


def qualities(output: ClipOutput, truth: ClipTruth) -> list[tuple[float, ...]]:
    """Return `NUMBERS` of each object; NaN for `near` where no other object is near."""
    best = costs(output, truth)[0].argmin(0)
    around = surroundings(truth)
    return [
        _quality(output.mask_logits[query].sigmoid(), mask, near & ~mask)
        for query, mask, near in zip(best.tolist(), truth.masks, around, strict=True)
    ]


def _quality(inside: Tensor, mask: Tensor, others: Tensor) -> tuple[float, ...]:
    found = inside > 0.5
    iou = (found & mask).sum() / (found | mask).sum()
    away = inside[~mask & ~others].mean()
    return tuple(float(each) for each in (iou, inside[mask].mean(), inside[others].mean(), away))


def _line(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {numbers[name]:.3f}" for name in NUMBERS)
