"""The refiner learns on what the frozen online model says of whole clips."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from maskstream_model.checkpoint import header_of, load_weights
from maskstream_model.daq.loading import load
from maskstream_model.errors import ConfigError, TrainingError
from maskstream_train.training.batches import ClipBatches
from maskstream_train.training.refiner_stage import RefinerStage
from maskstream_train.training.run import train_refiner, train_segmenter, train_tracker
from maskstream_train.training.run_options import Budget
from maskstream_train.training.stage import moment_of
from maskstream_train.training.tracked_clips import tracked_tubes, true_tubes, tube_targets
from support.small_runs import fresh_stage, learn_one_batch, offline

CPU = torch.device("cpu")


def at(progress):
    return moment_of(0, 3, progress, CPU)


@pytest.fixture
def stage(small_run) -> RefinerStage:
    return fresh_stage("refiner", small_run)


@pytest.fixture
def batch(small_run):
    return ClipBatches(small_run.plan)[0]


def test_tubes_hold_the_frames_of_a_clip_one_below_the_other(batch):
    targets = tube_targets(batch, 1)
    assert torch.equal(targets.labels[0], batch.labels[1])
    height = batch.masks.shape[3]
    for time in range(batch.num_frames):
        rows = slice(time * height, (time + 1) * height)
        assert torch.equal(targets.masks[0, :, rows], batch.masks[1, time])
    assert torch.equal(targets.present[0], batch.present[1].any(0))


def test_there_are_as_many_rows_as_segment_queries_and_the_best_tracks_among_them(stage, batch):
    for clip in stage.track(batch):
        assert clip.rows.features.shape == (8, batch.num_frames, 32)
        assert 0 < (clip.rows.row_ids >= 0).sum() <= 5


def test_masks_before_refinement_are_those_of_tracks_and_of_segment_queries(stage, batch):
    clip = stage.track(batch)[0]
    tubes = tracked_tubes(clip, stage._online.tracker)
    height = tubes.shape[1] // batch.num_frames
    row = int((clip.rows.row_ids < 0).nonzero()[0])
    sequence = -1 - int(clip.rows.row_ids[row])
    for time, frame in enumerate(clip.frames):
        expected = clip.mask_logits[time, frame.naive[sequence]]
        assert torch.equal(tubes[row, time * height : (time + 1) * height], expected)
        for padded in (clip.rows.padded[:, time]).nonzero()[:, 0]:
            assert (tubes[padded, time * height : (time + 1) * height] == -1e4).all()


@pytest.mark.parametrize("progress", [0.2, 0.8])
def test_gradients_reach_all_of_the_refiner_and_nothing_else(progress, stage, batch):
    losses = stage.losses(batch, at(progress))
    assert set(losses) == {"class", "mask", "dice"}
    torch.stack(list(losses.values())).sum().backward()
    assert [name for name, p in stage.module.named_parameters() if p.grad is None] == []
    assert all(p.grad is None for part in stage._frozen.values() for p in part.parameters())


def test_early_all_layers_have_the_trackers_match_and_late_each_its_own(stage, batch):
    clip, targets = stage.track(batch)[0], tube_targets(batch, 0)
    states = stage.module.decode(clip.rows.features, clip.embeddings)[1:]
    layers = [stage.module.predict(state) for state in states]
    early = stage.match(clip, layers, targets, at(0.2))
    assert torch.equal(early[0], early[1])
    scrambled = [replace(layers[0], logits=layers[0].logits.flip(0) * 50), layers[1]]
    again = stage.match(clip, scrambled, targets, at(0.2))
    assert torch.equal(again, early)
    assert early.shape == stage.match(clip, layers, targets, at(0.8)).shape


def test_the_refiner_learns_one_batch(stage, batch):
    totals = learn_one_batch(stage, batch, steps=15, progress=0.9)
    assert np.mean(totals[-3:]) < 0.8 * np.mean(totals[:3])


def test_all_three_stages_write_a_model_that_loads(small_run):
    short = replace(small_run, budget=Budget(steps=1))
    train_segmenter(short)
    train_tracker(short)
    before = load_weights(short.weights_path)
    last = replace(short, config=replace(offline(short.config), name="tiny_offline"))
    train_refiner(replace(last, init=short.weights_path))
    weights = load_weights(last.weights_path)
    assert all(torch.equal(weights[name], value) for name, value in before.items())
    assert load(last.config, last.weights_path, "cpu").refiner is not None
    facts = header_of(last.weights_path)
    assert facts["segmenter_steps"] == facts["tracker_steps"] == facts["refiner_steps"] == "1"


def test_the_refiner_wants_an_online_model_to_start_from(small_run):
    with pytest.raises(TrainingError, match="give the online model as --init"):
        train_refiner(replace(small_run, config=offline(small_run.config)))


def test_an_online_preset_has_no_refiner_to_train(small_run):
    with pytest.raises(ConfigError, match="without a refiner"):
        RefinerStage(small_run.config, small_run, {})


def test_tubes_of_a_batch_keep_clips_and_objects_apart(batch):
    tubes = true_tubes(batch.masks)
    count, _, objects, height, width = batch.masks.shape
    assert tubes.shape == (count, objects, batch.num_frames * height, width)
