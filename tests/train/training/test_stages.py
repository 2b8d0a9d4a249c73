"""Both stages learn, can be stopped and resumed, and write a model that loads."""

from dataclasses import replace

import pytest
import torch

from maskstream_model.backbones.resnet import FrozenBatchNorm2d
from maskstream_model.checkpoint import below, header_of, load_into, load_weights, save_safetensors
from maskstream_model.config import ClassInfo
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.errors import CheckpointError, TrainingError
from maskstream_model.mask2former.segmenter import Segmenter
from maskstream_train.training import run as runs
from maskstream_train.training.batches import ClipBatches
from maskstream_train.training.run import train_segmenter, train_tracker
from maskstream_train.training.run_options import Budget
from maskstream_train.training.stage import moment_of
from maskstream_train.training.tracker_start import fresh_tracker
from maskstream_train.training.views import view_frames
from support.small_runs import fresh_stage, learn_one_batch

CPU = torch.device("cpu")


def test_both_stages_in_turn_write_a_model_that_loads(small_run):
    short = replace(small_run, budget=Budget(steps=2))
    train_segmenter(short)
    segmented = load_weights(short.weights_path)
    train_tracker(short)
    weights = load_weights(short.weights_path)
    segmenter = Segmenter(short.config.segmenter, short.config.num_classes)
    tracker = QueryTracker(short.config.segmenter, short.config.tracker, short.config.num_classes)
    load_into({"": segmenter, "tracker.": tracker}, weights)
    frozen = [name for name in weights if not name.startswith("tracker.")]
    assert all(torch.equal(weights[name], segmented[name]) for name in frozen)
    assert any(not torch.equal(weights[k], segmented[k]) for k in weights if k not in frozen)
    facts = header_of(short.weights_path)
    assert facts["segmenter_steps"] == facts["tracker_steps"] == "2"
    assert facts["tracker_data"] == "synthetic clips"


def test_the_tracker_wants_a_segmenter_to_start_from(small_run):
    with pytest.raises(TrainingError, match="train the segmenter first"):
        train_tracker(small_run)


def test_a_segmenter_can_continue_from_a_file(small_run):
    short = replace(small_run, budget=Budget(steps=1))
    train_segmenter(short)
    again = replace(short, out=short.out / "again", init=short.weights_path)
    stage = fresh_stage("segmenter", again)
    stage.start_from(runs.segmenter_of(load_weights(again.init)))
    exported = stage.export({f"segmenter.{k}": v for k, v in stage._segmenter.state_dict().items()})
    stored = load_weights(short.weights_path)
    key = "sem_seg_head.predictor.query_feat.weight"
    torch.testing.assert_close(exported[key], stored[key])


def test_a_weight_file_has_the_steps_and_minutes_of_all_runs_that_it_builds_on(small_run):
    options = replace(small_run, budget=Budget(steps=2))
    train_segmenter(options)
    first = header_of(options.weights_path)
    # So that there is a time to add to.
    save_safetensors(
        options.weights_path,
        load_weights(options.weights_path),
        first | {"segmenter_minutes": "7.5", "tracker_steps": "9"},
    )
    more = replace(options, out=options.out / "more", init=options.weights_path)
    train_segmenter(replace(more, budget=Budget(steps=3)))
    assert header_of(more.weights_path)["segmenter_steps"] == "5"
    train_segmenter(replace(more, budget=Budget(steps=4), init=None, resume=True))
    second = header_of(more.weights_path)
    assert second["segmenter_steps"] == "6"
    minutes = [float(facts["segmenter_minutes"]) for facts in (first, second)]
    assert minutes[1] >= 7.5 > minutes[0]
    assert set(second) == set(first)


def test_a_tracker_can_continue_from_a_file_over_a_segmenter_that_has_learned_more(small_run):
    first = replace(small_run, budget=Budget(steps=2))
    train_segmenter(first)
    train_tracker(first)
    more = replace(first, out=first.out / "more", init=first.weights_path)
    train_segmenter(more)
    still = replace(more.recipe, learning_rate=0.0, weight_decay=0.0)
    train_tracker(replace(more, recipe=still, init=None, tracker_init=first.weights_path))
    before, after = (below(load_weights(run.weights_path), "tracker.") for run in (first, more))
    torch.testing.assert_close(after, before)
    facts = header_of(more.weights_path)
    assert facts["segmenter_steps"] == facts["tracker_steps"] == "4"


def test_trackers_of_other_classes_take_the_class_head_of_their_segmenter(small_run):
    first = replace(small_run, budget=Budget(steps=2))
    train_segmenter(first)
    train_tracker(first)
    more = tuple(ClassInfo(f"new {number}", "#123456") for number in range(5))
    other = replace(first, config=replace(first.config, classes=more), out=first.out / "more")
    train_segmenter(other)
    still = replace(other.recipe, learning_rate=0.0, weight_decay=0.0)
    train_tracker(replace(other, recipe=still, tracker_init=first.weights_path))
    weights, before = load_weights(other.weights_path), load_weights(first.weights_path)
    head = "sem_seg_head.predictor.class_embed"
    for part in ("weight", "bias"):
        taken = weights[f"tracker.class_embed.{part}"]
        assert len(taken) == 6
        torch.testing.assert_close(taken, weights[f"{head}.{part}"])
    kept = "tracker.new_ins_embeds.weight"
    torch.testing.assert_close(weights[kept], before[kept])


def test_a_tracker_cannot_continue_from_a_file_that_holds_none(small_run, tmp_path):
    short = replace(small_run, budget=Budget(steps=1))
    train_segmenter(short)
    bare = tmp_path / "bare.safetensors"
    save_safetensors(bare, runs.segmenter_of(load_weights(short.weights_path)), {})
    with pytest.raises(CheckpointError, match="missing"):
        train_tracker(replace(short, tracker_init=bare))


@pytest.mark.parametrize("soft", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("name", "steps", "share"), [("segmenter", 30, 0.75), ("tracker", 20, 0.8)]
)
def test_a_tiny_model_learns_one_batch(name, steps, share, soft, small_run):
    options = replace(small_run, tracker=replace(small_run.tracker, short_share=0.0))
    recipe = options.recipe
    criterion = replace(recipe.criterion, soft_classes=soft)
    options = replace(options, recipe=replace(recipe, criterion=criterion))
    stage = fresh_stage(name, options)
    totals = learn_one_batch(stage, ClipBatches(options.plan)[0], steps, progress=0.5)
    assert sum(totals[-4:]) < share * sum(totals[:4])


def test_gradients_reach_all_of_the_trackers_and_none_of_the_segmenter(small_run):
    stage = fresh_stage("tracker", small_run)
    batch = ClipBatches(small_run.plan)[0]
    losses = stage.losses(batch, moment_of(0, 1, 0.9, CPU))
    torch.stack(list(losses.values())).sum().backward()
    still = [name for name, p in stage.module.named_parameters() if p.grad is None]
    assert still == []
    assert all(p.grad is None for p in stage._segmenter.parameters())


@pytest.mark.parametrize(
    ("name", "num_frames"), [("segmenter", 3), ("tracker", 3), ("tracker", 1), ("refiner", 3)]
)
def test_a_stage_says_whether_parameters_lie_idle(name, num_frames, small_run):
    plan = replace(small_run.plan, clips=replace(small_run.plan.clips, num_frames=num_frames))
    stage = fresh_stage(name, replace(small_run, plan=plan))
    losses = stage.losses(ClipBatches(plan)[0], moment_of(0, 1, 0.9, CPU))
    torch.stack(list(losses.values())).sum().backward()
    learning = [p for p in stage.module.parameters() if p.requires_grad]
    assert stage.idle_parameters == any(p.grad is None for p in learning)


def test_written_segmenters_have_frozen_norms(small_run):
    stage = fresh_stage("segmenter", small_run)
    exported = stage.export(stage.module.state_dict())
    segmenter = Segmenter(small_run.config.segmenter, small_run.config.num_classes)
    assert isinstance(segmenter.backbone.stem.conv1.norm, FrozenBatchNorm2d)
    load_into(segmenter, {k: v for k, v in exported.items() if not k.startswith("tracker.")})


def test_a_fresh_tracker_speaks_with_the_segmenters_heads(small_run):
    config = small_run.config
    segmenter = Segmenter(config.segmenter, config.num_classes)
    tracker = fresh_tracker(config, segmenter)
    predictor = segmenter.sem_seg_head.predictor
    states, features = torch.randn(1, 5, 32), torch.randn(1, 32, 4, 6)
    normed = predictor.decoder_norm(states)
    expected = predictor.predict(normed, features)
    torch.testing.assert_close(tracker.classify(states), expected.logits)
    torch.testing.assert_close(tracker.segment(states, features), expected.mask_logits)


def test_views_are_in_order_forwards_or_backwards():
    for step in range(50):
        draw = moment_of(0, step, 0.5, CPU).draw
        order = view_frames(6, step % 2 == 0, draw)
        assert len(order) == 2 if step % 2 == 0 else len(order) in (4, 6)
        assert order in (sorted(order), sorted(order)[::-1])
        assert len(set(order)) == len(order)
