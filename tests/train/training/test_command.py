"""The command line becomes the options of the stages."""

import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from maskstream_model.classes import EVERYDAY
from maskstream_model.errors import ConfigError
from maskstream_train.commands import train
from maskstream_train.commands.train_options import options_of, stage_by_default
from maskstream_train.data.packing.writing import write_pack
from maskstream_train.training.segmenter_stage import SegmenterStage
from support.packed_pictures import BLUE, DOG, PackedFile, box


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


def test_a_preset_alone_is_enough():
    """`maskstream train --preset demo`: two hours, into a folder that the help names."""
    params = train.make_context("train", ["--preset", "demo"]).params
    bare = params | {"stage": stage_by_default(params)}
    segmenter, tracker = (options_of(bare, stage) for stage in ("segmenter", "tracker"))
    assert segmenter.out == tracker.out == Path("train-out")
    assert (segmenter.budget.minutes, tracker.budget.minutes) == (72, 48)
    text = " ".join(CliRunner().invoke(train, ["--help"]).output.split())
    assert "[default: train-out]" in text
    assert "120, where the preset has no number of steps" in text


def test_a_double_budget_is_one_clear_sentence(tmp_path):
    both = ["--steps", "5", "--minutes", "1"]
    result = CliRunner().invoke(train, ["--out", str(tmp_path), *both])
    assert result.exit_code == 1
    assert "either in minutes or in steps" in result.output


def test_flags_and_set_change_the_preset():
    changed = options_of(
        given(learning_rate=1e-3, no_object=0.3, height=96, settings=("weight_decay=0.1",)),
        "tracker",
    )
    assert (changed.recipe.learning_rate, changed.recipe.weight_decay) == (1e-3, 0.1)
    assert changed.recipe.criterion.weights.no_object == 0.3
    assert (changed.plan.clips.height, changed.plan.clips.width) == (96, 224)


def for_ovis(tmp_path, **changes):
    data = {"preset_name": "daq_r50_ovis", "data": tmp_path, "form": "ovis", "steps": None}
    return given(**data | changes)


def test_the_preset_of_a_data_set_brings_its_own_length_and_stage(tmp_path):
    arguments = for_ovis(tmp_path, pictures=tmp_path, seed=3)
    options = options_of(arguments, "tracker")
    assert options.budget.steps == 160_000
    assert options.plan.videos.name == f"ovis data at {tmp_path.name}"
    assert options.plan.pictures.form == "coco"
    assert (options.plan.seed, options.plan.model) == (3, "daq_r50_ovis")
    assert stage_by_default(arguments) == "tracker"
    assert stage_by_default(given()) == "all"
    assert stage_by_default(given(preset_name="daq_r50_ovis_offline")) == "refiner"
    assert options_of(for_ovis(tmp_path, steps=7), "tracker").budget.steps == 7


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"form": None}, "give --data and its --format"),
        ({"data": None}, "give --data and its --format"),
        ({"preset_name": "demo", "steps": 1}, "demo learns from synthetic clips"),
        ({"height": 96}, "there is no setting clips.height"),
        ({"settings": ("speed=1",)}, "there is no setting speed"),
    ],
)
def test_what_does_not_go_together_is_one_clear_sentence(changes, sentence, tmp_path):
    with pytest.raises(ConfigError, match=sentence):
        options_of(for_ovis(tmp_path, **changes), "tracker")


def packed(tmp_path, **changes):
    file = PackedFile(tmp_path)
    file.add([(DOG, box(60, 60, 60, 60), 1.0)], [BLUE], complete=True)
    return given(data=file.write(), form="packed", **changes)


def test_packed_pictures_bring_their_classes_and_both_stages(tmp_path):
    arguments = packed(tmp_path, settings=("still_share=0.5", "portrait_share=0.25"))
    assert stage_by_default(arguments) == "all"
    options = options_of(arguments, "segmenter")
    assert [item.name for item in options.config.classes] == EVERYDAY.split()
    plan = options.plan
    assert plan.mix.data == plan.clips.cutouts == arguments["data"]
    assert (plan.mix.still_share, plan.portrait_share) == (0.5, 0.25)


def test_packed_pictures_of_other_classes_are_one_clear_sentence(tmp_path):
    write_pack(tmp_path / "packed.zip", [], ["cup", "spoon"])
    with pytest.raises(ConfigError, match=r"packed\.zip has other classes"):
        options_of(given(data=tmp_path / "packed.zip", form="packed"), "segmenter")


def test_a_folder_without_a_data_set_is_one_clear_sentence(tmp_path):
    arguments = ["--preset", "daq_r50_ovis", "--data", str(tmp_path), "--format", "ovis"]
    result = CliRunner().invoke(train, [*arguments, "--out", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert "Error: " in result.output
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        "--device cuda:99",
        "--device abacus",
        "--device meta",
        "--threads 0",
        "--threads -1",
        "--workers -1",
        "--seed -1",
        "--minutes nan",
        "--minutes inf",
        "--checkpoint-minutes -1",
        "--clip-frames 0",
        "--ablation --seeds 0",
        "--ablation --device abacus",
    ],
)
def test_a_bad_setting_is_one_clear_sentence_before_anything_is_trained(arguments, tmp_path):
    budget = [] if "--minutes" in arguments else ["--steps", "1"]
    done = CliRunner().invoke(train, ["--out", str(tmp_path / "run"), *budget, *arguments.split()])
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code != 0
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "more", [["--height=32", "--width=32", "--stage=segmenter"], ["--ablation"]]
)
def test_a_folder_that_cannot_be_made_is_one_clear_sentence(more, tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "run"
    done = CliRunner().invoke(train, ["--out", str(out), "--steps", "1", *more])
    assert done.exit_code == 1
    assert done.stderr == f"Error: {out} cannot be made: Not a directory\n"


def test_a_run_that_is_interrupted_names_the_option_that_continues_it(tmp_path, monkeypatch):
    losses = SegmenterStage.losses

    def interrupted(self, batch, moment):
        if moment.step == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return losses(self, batch, moment)

    monkeypatch.setattr(SegmenterStage, "losses", interrupted)
    small = ["--stage=segmenter", "--steps=2", "--batch-size=1", "--height=64", "--width=64"]
    asked = [*small, "--scales=1", "--out", str(tmp_path)]
    done = CliRunner().invoke(train, asked)
    assert done.exit_code == 1
    assert f"The same command with --resume continues from {tmp_path}." in done.stderr
    assert CliRunner().invoke(train, [*asked, "--resume"]).exit_code == 0
