"""Anchors and simulations can be switched off and on, each by itself."""

from dataclasses import replace

import pytest
import torch

from maskstream_model.config import TrackerConfig
from maskstream_model.daq.tracker import QueryTracker, TrackedQueries
from maskstream_model.errors import ConfigError
from maskstream_model.mask2former.segmenter import Segmenter, SegmenterOutput
from maskstream_train.training.batches import ClipBatches
from maskstream_train.training.matcher import UNMATCHED, MatchCost
from maskstream_train.training.overrides import override
from maskstream_train.training.recipes import TrackerRecipe
from maskstream_train.training.rollout import Rollout
from maskstream_train.training.stage import moment_of
from maskstream_train.training.tracker_stage import TrackerStage
from support.squares import NUM_OBJECTS, segmented_noise, squares
from support.tiny import tiny_config, tiny_model

NUM_FRAMES = 5
BOLD = TrackerRecipe(keep_score_min=0.0, hold_share=1.0, drop_share=0.0, max_rows=64, min_tracked=0)
STATIC = replace(BOLD, anchors="static", disappearance_anchors=False)


@pytest.fixture(scope="module")
def model():
    return tiny_model(seed=3)


@pytest.fixture
def frames(model) -> list[SegmenterOutput]:
    return segmented_noise(model, NUM_FRAMES)


def run(model, frames, recipe, short=False):
    roll = Rollout(model.tracker, recipe, MatchCost(num_points=32), short)
    generator = torch.Generator().manual_seed(1)
    return roll.run(frames, squares(NUM_FRAMES), model.segmenter.query_features, generator)


def hidden(second) -> torch.Tensor:
    """Return `(B, T - 1)`: the object that tracker 2 may not see on each later frame, or -1."""
    gone = torch.stack([~rows.visible for rows in second], 1)
    return torch.where(gone.any(-1), gone.int().argmax(-1), UNMATCHED)


@pytest.mark.parametrize("short", [False, True])
def test_without_emergence_simulation_every_row_with_an_object_stays(model, frames, short):
    harsh = replace(BOLD, keep_score_min=1.0, hold_share=0.0, drop_share=1.0)
    calm = replace(harsh, emergence_simulation=False)
    assert [rows.num_tracks for rows in run(model, frames, harsh)[0]] == [0] * NUM_FRAMES or short
    for rows in run(model, frames[:2] if short else frames, calm, short)[0][1:]:
        assert rows.num_tracks == NUM_OBJECTS
        assert sorted(rows.objects[0, :NUM_OBJECTS].tolist()) == list(range(NUM_OBJECTS))


def test_without_emergence_simulation_duplicates_above_the_threshold_stay_too(model, frames):
    open_door = replace(BOLD, emergence_simulation=False)
    assert run(model, frames, open_door)[0][1].num_tracks > NUM_OBJECTS


def test_a_higher_threshold_leaves_more_objects_to_the_anchors(model, frames):
    def to_anchors(score_min):
        recipe = replace(BOLD, keep_score_min=score_min, hold_share=0.0)
        first, _ = run(model, frames, recipe)
        return sum(int((r.objects[:, r.num_tracks :] != UNMATCHED).sum()) for r in first[1:])

    low, high = to_anchors(0.0), to_anchors(1.0)
    assert low < high == 2 * NUM_OBJECTS * (NUM_FRAMES - 1)


def test_without_disappearance_simulation_nothing_is_hidden(model, frames):
    _, second = run(model, frames, replace(BOLD, disappearance_simulation="off"))
    assert len(second) == NUM_FRAMES - 1
    assert (hidden(second) == UNMATCHED).all()


def test_one_hides_an_object_on_a_single_frame_of_each_clip(model, frames):
    _, second = run(model, frames, replace(BOLD, disappearance_simulation="one"))
    assert (hidden(second) != UNMATCHED).sum(1).tolist() == [1, 1]


def test_continuous_hides_one_object_on_all_frames(model, frames):
    _, second = run(model, frames, replace(BOLD, disappearance_simulation="continuous"))
    gone = hidden(second)
    assert (gone == gone[:, :1]).all()
    assert (gone != UNMATCHED).all()


def test_random_hides_another_object_now_and_then(model, frames):
    _, second = run(model, frames, BOLD)
    gone = hidden(second)
    assert (gone != UNMATCHED).all()
    assert (gone != gone[:, :1]).any()


def test_without_disappearance_anchors_tracker_two_has_no_rows(model, frames):
    _, second = run(model, frames, replace(BOLD, disappearance_anchors=False))
    assert second == []


def anchors_of(tracker: QueryTracker, seed: int) -> torch.Tensor:
    """Return feature plus position of the anchors before the first layer, on a random frame."""
    generator = torch.Generator().manual_seed(seed)
    features, positions = tracker.anchors(torch.randn(1, 8, 32, generator=generator))
    return features + positions


def test_static_anchors_do_not_depend_on_the_frame_and_dynamic_ones_do():
    config = tiny_config()
    for anchors, same in ((0, False), (8, True)):
        tracking = replace(config.tracker, static_anchors=anchors)
        tracker = QueryTracker(config.segmenter, tracking, config.num_classes)
        assert torch.equal(anchors_of(tracker, 0), anchors_of(tracker, 1)) == same


def test_static_anchors_may_be_fewer_than_segment_queries():
    config = tiny_config()
    tracker = QueryTracker(config.segmenter, replace(config.tracker, static_anchors=3), 3)
    tracks = TrackedQueries(torch.randn(2, 1, 32), torch.randn(2, 1, 32))
    states = tracker.decode(tracks, torch.randn(2, 8, 32), torch.randn(2, 8, 32))
    assert states[-1].shape == (2, 1 + 3, 32)


def test_trackers_with_dynamic_anchors_keep_their_parameter_names():
    config = tiny_config()

    def names(tracking: TrackerConfig) -> set[str]:
        return set(QueryTracker(config.segmenter, tracking, 3).state_dict())

    more = names(replace(config.tracker, static_anchors=8)) - names(config.tracker)
    assert more == {"static_anchors.weight"}
    assert not any("static" in name for name in names(config.tracker))


def static_stage(options) -> TrackerStage:
    options = replace(options, tracker=STATIC)
    torch.manual_seed(0)
    segmenter = Segmenter(options.config.segmenter, options.config.num_classes)
    return TrackerStage(options.config, options, segmenter.state_dict())


def test_static_anchors_learn_and_what_they_do_without_stands_still(small_run):
    stage = static_stage(small_run)
    losses = stage.losses(ClipBatches(small_run.plan)[0], moment_of(0, 0, 0.9, torch.device("cpu")))
    assert not any(name.startswith("slot_") for name in losses)
    torch.stack(list(losses.values())).sum().backward()
    learning = {name for name, p in stage.module.named_parameters() if p.grad is not None}
    still = {name for name, p in stage.module.named_parameters() if not p.requires_grad}
    assert "static_anchors.weight" in learning
    assert {name.split(".")[0] for name in still} == {
        "slot_cross_attention_layers",
        "slot_ffn_layers",
        "bg_slots",
        "new_ins_embeds",
    }
    assert learning | still == dict(stage.module.named_parameters()).keys()


def test_static_anchors_start_apart_from_each_other(small_run):
    stage = static_stage(small_run)
    stage.losses(ClipBatches(small_run.plan)[0], moment_of(0, 0, 0.9, torch.device("cpu")))
    anchors = stage.module.static_anchors.weight.detach()
    distances = torch.cdist(anchors, anchors) + torch.eye(len(anchors))
    assert distances.min() > 1e-3


def test_the_model_of_a_recipe_has_its_anchors_and_rules():
    config = tiny_config()
    assert BOLD.model_of(config) == config
    static = STATIC.model_of(config)
    assert static.tracker.static_anchors == config.segmenter.num_queries
    assert static.online.keep_score_min is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"anchors": "fixed"}, "anchors is one of dynamic, static, not 'fixed'"),
        ({"disappearance_simulation": "some"}, "one of off, one, continuous, random"),
        ({"drop_share": 1.5}, "drop_share must lie between 0 and 1"),
        ({"keep_score_min": -0.1}, "keep_score_min must lie between 0 and 1"),
        ({"anchors": "static"}, "disappearance_anchors=false"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        TrackerRecipe(**changes)


def test_settings_are_read_as_what_they_are():
    texts = ["keep_score_min=0.05", "emergence_simulation=False", "min_tracked = 1"]
    recipe = override(TrackerRecipe(), [*texts, "disappearance_simulation=one"])
    assert recipe == TrackerRecipe(
        keep_score_min=0.05,
        emergence_simulation=False,
        min_tracked=1,
        disappearance_simulation="one",
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("anchors", "write name=value"),
        ("speed=3", "no setting speed; known are .*short_share"),
        ("emergence_simulation=1", "it is bool"),
        ("views=1.5", "it is int"),
        ("drop_share=much", "it is float"),
    ],
)
def test_settings_typed_wrongly_are_refused_in_a_sentence(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        override(TrackerRecipe(), [text])
