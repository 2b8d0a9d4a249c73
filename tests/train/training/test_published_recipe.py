"""The published recipe trains on videos and pictures; here a tiny model on tiny ones."""

from dataclasses import replace

import pytest
import torch

from maskstream_model.checkpoint import header_of, load_weights
from maskstream_model.daq.presets import preset
from maskstream_model.mask2former.segmenter import Segmenter
from maskstream_train.training.batches import stream_batches
from maskstream_train.training.overrides import override
from maskstream_train.training.presets import training_preset
from maskstream_train.training.rollout import Rollout
from maskstream_train.training.run import train_segmenter, train_tracker
from maskstream_train.training.run_options import Budget
from maskstream_train.training.stage import moment_of
from maskstream_train.training.tracker_stage import TrackerStage
from maskstream_train.training.views import plain_frames
from support.tiny import tiny_config
from support.videos import FakeVideos

CPU = torch.device("cpu")
SMALLER = ["cost.num_points=64", "count=64", "batch_size=2", "short_sides=64", "crop_share=0"]


def published(options, stage):
    """The OVIS preset on videos in memory, with fewer points and smaller frames."""
    config = tiny_config()
    chosen = override(training_preset(preset("daq_r50_ovis"), stage), SMALLER)
    plan = replace(
        chosen.plan,
        videos=FakeVideos(),
        pictures=FakeVideos(lengths=(1, 1), names=("dog", "tree", "cat"), name="stills"),
        picture_classes={"dog": "class 2", "cat": "class 0"},
        classes=config.classes,
        model="tiny",
    )
    shared = {"recipe": chosen.recipe, "tracker": chosen.tracker}
    return replace(options, config=config, plan=plan, budget=Budget(steps=2), **shared)


def test_both_stages_train_on_videos_and_pictures(small_run):
    segmenter = train_segmenter(published(small_run, "segmenter"))
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in segmenter.module.modules())
    rates = sorted({group["lr"] for group in segmenter.optimiser.param_groups})
    assert rates == pytest.approx([1e-5, 1e-4])
    run = train_tracker(published(small_run, "tracker"))
    facts = header_of(small_run.weights_path)
    assert facts["tracker_data"] == "squares and stills"
    stored = load_weights(small_run.weights_path)
    # Nothing is averaged: what is written is what was learned, in half precision.
    for key, value in run.module.state_dict().items():
        torch.testing.assert_close(stored[f"tracker.{key}"], value, rtol=1e-3, atol=1e-4)


def test_stage_a_sees_two_neighbours_for_10_000_steps_and_stage_b_all_frames(small_run):
    tracking = published(small_run, "tracker").tracker
    assert [tracking.is_short(step, 0.0) for step in (9_999, 10_000)] == [True, False]
    draws = [moment_of(0, step, 0.0, CPU).draw for step in range(30)]
    assert {tuple(plain_frames(5, True, draw)) for draw in draws} == {(0, 1), (1, 2)}
    assert plain_frames(5, False, draws[0]) == [0, 1, 2, 3, 4]
    assert plain_frames(1, True, draws[0]) == [0]


@pytest.mark.parametrize("asked", [True, False])
def test_the_state_before_the_first_layer_is_supervised_where_asked(asked, small_run):
    options = published(small_run, "tracker")
    segmenter = Segmenter(options.config.segmenter, options.config.num_classes)
    stage = TrackerStage(options.config, options, segmenter.state_dict())
    clip = next(stream_batches(options.plan, 0, 0))
    recipe = replace(options.tracker, supervise_start=asked)
    roll = Rollout(stage.module, recipe, options.recipe.criterion.cost, short=False)
    moment = moment_of(0, 0, 0.0, CPU)
    frames = stage._frames(clip)
    first, second = roll.run(frames, clip, segmenter.query_features, moment.generator)
    layers = options.config.tracker.num_layers
    assert {len(rows.states) for rows in first} == {layers + asked}
    assert {len(rows.states) for rows in second} == {layers}


def test_processes_draw_different_numbers_and_the_first_those_of_one_alone():
    moments = [moment_of(4, 7, 0.0, CPU), *(moment_of(4, 7, 0.0, CPU, rank) for rank in (0, 1))]
    alone, first, second = (
        (moment.draw.random(), torch.rand(1, generator=moment.generator).item())
        for moment in moments
    )
    assert alone == first
    assert first[0] != second[0]
    assert first[1] != second[1]
