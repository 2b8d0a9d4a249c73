"""The command line becomes the options of the stages."""

import pytest
from click.testing import CliRunner

from maskstream_model.commands import train
from maskstream_model.training.command import options_of


def given(**changes):
    context = train.make_context("train", ["--out", "somewhere", "--steps", "100"])
    return context.params | changes


def test_both_stages_share_the_budget():
    both = given(stage="all")
    steps = [options_of(both, stage).budget.steps for stage in ("segmenter", "tracker")]
    assert steps == [60, 40]
    assert options_of(given(stage="tracker"), "tracker").budget.steps == 100


def test_the_tracker_has_longer_clips_and_a_heavier_no_object():
    segmenter, tracker = (options_of(given(), stage) for stage in ("segmenter", "tracker"))
    assert segmenter.plan.clips.num_frames < tracker.plan.clips.num_frames == 6
    weights = [o.recipe.criterion.weights.no_object for o in (segmenter, tracker)]
    assert weights[0] == 0.1
    assert weights[1] > 0.1


def test_sizes_are_read_from_text():
    assert options_of(given(scales="0.5,1,2"), "segmenter").plan.scales == (0.5, 1.0, 2.0)


@pytest.mark.parametrize("arguments", [[], ["--steps", "5", "--minutes", "1"]])
def test_a_missing_or_double_budget_is_one_clear_sentence(arguments, tmp_path):
    result = CliRunner().invoke(train, ["--out", str(tmp_path), *arguments])
    assert result.exit_code == 1
    assert "either in minutes or in steps" in result.output
