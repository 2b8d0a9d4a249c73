"""A whole comparison in small: trained, measured, written, stopped and gone on with."""

import json
import os
import signal
from dataclasses import replace

import pytest
from click.testing import CliRunner

from maskstream_model.checkpoint import load_weights, save_safetensors, state_of
from maskstream_model.errors import ConfigError, TrainingError
from maskstream_model.mask2former.segmenter import Segmenter
from maskstream_train.ablation import runs
from maskstream_train.ablation.arms import ARMS, BASE, recipe_of
from maskstream_train.ablation.plan import Ablation
from maskstream_train.ablation.runs import run_ablation
from maskstream_train.commands import train
from maskstream_train.commands.train_options import ablation_of
from maskstream_train.data.synthetic import SyntheticConfig
from maskstream_train.training.criterion import Criterion
from maskstream_train.training.matcher import MatchCost
from maskstream_train.training.points import PointSampling
from maskstream_train.training.recipes import Recipe
from maskstream_train.training.run_options import BatchPlan, Budget, RunOptions
from maskstream_train.training.tracker_stage import TrackerStage
from support.small_runs import learner_config


@pytest.fixture
def ablation(tmp_path) -> Ablation:
    """Two arms of four steps, on six clips each to learn from and to measure on."""
    start = tmp_path / "segmenter.safetensors"
    config = learner_config()
    segmenter = Segmenter(config.segmenter, config.num_classes)
    save_safetensors(start, state_of(segmenter), {})
    few = Criterion(cost=MatchCost(num_points=32), sampling=PointSampling(count=32))
    options = RunOptions(
        config=config,
        out=tmp_path / "run",
        budget=Budget(steps=4),
        plan=BatchPlan(SyntheticConfig(height=64, width=64, num_frames=3), batch_size=2),
        recipe=Recipe(criterion=few, warm_up_steps=2),
        tracker=BASE,
        init=start,
    )
    return Ablation(options, ("static", "full"), 1, train_clips=6, test_clips=6, test_frames=8)


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.mark.slow
def test_every_arm_and_seed_is_trained_measured_and_reported(ablation):
    lines: list[str] = []
    out = ablation.options.out
    summary = run_ablation(replace(ablation, num_seeds=2), lines.append)
    assert {arm: len(numbers["AP"]["values"]) for arm, numbers in summary.items()} == {
        "static": 2,
        "full": 2,
    }
    assert summary["full"]["steps"]["values"] == [4.0, 4.0]
    assert json.loads((out / "ablation.json").read_text())["arms"] == summary
    assert (out / "ablation.md").read_text().count("\n") == 4
    assert sum("recall of emergence" in line for line in lines) == 4
    names = {"emergence_recall", "disappearance_recall", "AP_emerging", "AP_disappearing"}
    assert names <= summary["static"].keys()
    assert not [path for path in out.rglob("*") if path.name.startswith(".")], "no drafts are left"


def test_arms_differ_in_what_they_train(ablation):
    run_ablation(ablation, quiet)
    static, full = (
        load_weights(ablation.options.out / f"{arm}-0" / "tiny.safetensors")
        for arm in ablation.arms
    )
    assert static.keys() - full.keys() == {"tracker.static_anchors.weight"}
    frozen = [name for name in full if not name.startswith("tracker.")]
    assert all((static[name] == full[name]).all() for name in frozen), "one segmenter for all"


@pytest.mark.slow
def test_what_is_done_is_not_done_again_and_seeds_can_be_added(ablation, monkeypatch):
    first = run_ablation(ablation, quiet)
    lines: list[str] = []
    more = run_ablation(replace(ablation, num_seeds=2), lines.append)
    assert [line for line in lines if line.endswith("training")] == [
        "static, seed 1: training",
        "full, seed 1: training",
    ]
    assert more["full"]["AP"]["values"][:1] == first["full"]["AP"]["values"]
    monkeypatch.delattr(runs, "train")
    assert run_ablation(replace(ablation, num_seeds=2), quiet) == more


@pytest.mark.slow
def test_a_stopped_ablation_continues_where_it_was(ablation, tmp_path, monkeypatch):
    whole = run_ablation(ablation, quiet)
    options = replace(ablation.options, out=tmp_path / "parts")
    parts = replace(ablation, options=options)
    steps: list[int] = []
    losses = TrackerStage.losses

    def noted(self, batch, moment):
        if len(steps) == 5:  # the second arm's second step
            os.kill(os.getpid(), signal.SIGTERM)
        steps.append(moment.step)
        return losses(self, batch, moment)

    monkeypatch.setattr(TrackerStage, "losses", noted)
    with pytest.raises(KeyboardInterrupt):
        run_ablation(parts, quiet)
    assert json.loads((options.out / "ablation.json").read_text())["arms"].keys() == {"static"}
    resumed = run_ablation(parts, quiet)
    assert steps == [0, 1, 2, 3, 0, 1, 2, 3]
    for arm, numbers in whole.items():
        for name in numbers.keys() - {"minutes"}:
            found = resumed[arm][name]["values"]
            assert found == pytest.approx(numbers[name]["values"], abs=1e-4), (arm, name)


def test_a_folder_of_another_ablation_is_refused(ablation):
    run_ablation(replace(ablation, arms=("full",)), quiet)
    other = replace(ablation, options=replace(ablation.options, budget=Budget(steps=5)))
    with pytest.raises(TrainingError, match=r"another ablation \(by budget\)"):
        run_ablation(other, quiet)


def test_an_unknown_arm_is_refused_before_anything_is_written(ablation):
    with pytest.raises(ConfigError, match="no arm 'half'; known are static, EDAQ"):
        run_ablation(replace(ablation, arms=("full", "half")), quiet)
    assert not ablation.options.out.exists()


def test_arms_are_the_rows_of_table_3a():
    full, static = recipe_of("full", BASE), recipe_of("static", BASE)
    assert full == BASE
    assert (static.anchors, static.emergence_simulation) == ("static", False)
    assert not static.disappearance_anchors
    assert recipe_of("ES", BASE) == replace(static, emergence_simulation=True)
    assert recipe_of("EDAQ+ES", BASE) == replace(
        full, disappearance_anchors=False, disappearance_simulation="off"
    )
    assert len(ARMS) == 6


def test_the_command_line_fills_in_what_suits_one_core():
    context = train.make_context(
        "train", ["--ablation", "--out", "x", "--steps", "9", "--seeds", "2"]
    )
    ablation = ablation_of(context.params)
    clips = ablation.training.config
    assert (clips.height, clips.width, clips.num_frames) == (96, 160, 5)
    assert (ablation.num_seeds, ablation.options.budget) == (2, Budget(steps=9))
    assert ablation.options.init is not None
    assert ablation.options.init.name == "demo.safetensors"
    assert ablation.held_out.seed != ablation.training.seed


def test_what_is_given_on_the_command_line_is_kept():
    line = "--ablation --out x --minutes 2 --height 64 --arms ES,full --set min_tracked=3"
    ablation = ablation_of(train.make_context("train", line.split()).params)
    assert ablation.training.config.height == 64
    assert ablation.arms == ("ES", "full")
    assert ablation.options.tracker == replace(BASE, min_tracked=3)


def test_a_bad_setting_is_one_clear_sentence(tmp_path):
    line = ["--ablation", "--out", str(tmp_path / "x"), "--steps", "3", "--set", "drop_share=2"]
    result = CliRunner().invoke(train, line)
    assert result.exit_code == 1
    assert "drop_share must lie between 0 and 1" in result.output
