"""Settings are changed by name, with checked values."""

import pytest

from maskstream_model.config import ModelConfig
from maskstream_model.daq.presets import preset
from maskstream_model.errors import ConfigError
from maskstream_train.training.overrides import override
from maskstream_train.training.presets import training_preset


def ovis():
    return training_preset(preset("daq_r50_ovis"), "tracker")


def test_fields_are_found_by_their_own_name_wherever_they_stand():
    changes = ["learning_rate=2e-4", "keep_score_min=0.05", "max_long_side=1024", "steps=40000"]
    changed = override(ovis(), changes)
    assert changed.recipe.learning_rate == 2e-4
    assert changed.tracker.keep_score_min == 0.05
    assert changed.plan.augmentation.max_long_side == 1024
    assert changed.steps == 40_000


def test_parents_tell_fields_of_one_name_apart():
    changed = override(ovis(), ["cost.num_points=256", "recipe.criterion.sampling.count=128"])
    assert changed.recipe.criterion.cost.num_points == 256
    assert changed.recipe.criterion.sampling.count == 128


def test_what_is_not_named_stays():
    assert override(ovis(), []) == ovis()
    assert override(ovis(), ["weight_decay=0.05"]) == ovis()


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ("decay_steps=100,200", "decay_steps", (100, 200)),
        ("decay_steps=none", "decay_steps", None),
        ("live_norms=true", "live_norms", True),
        ("precision=fp32", "precision", "fp32"),
    ],
)
def test_values_of_every_kind_can_be_written(change, field, value):
    assert getattr(override(ovis(), [change]).recipe, field) == value


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("learning_rate", "write name=value"),
        ("learning_rat=1", "there is no setting learning_rat; known are .*learning_rate"),
        ("learning_rate=fast", "learning_rate cannot be 'fast': it is float"),
        ("learning_rate=-1", "learning_rate must not be negative"),
        ("learning_rate=nan", "learning_rate must not be negative"),
        ("steps=1.5", "steps cannot be '1.5'"),
        ("precision=fp8", "precision cannot be 'fp8'"),
        ("crop_range=1,2,3", "crop_range cannot be '1,2,3'"),
        ("flip_share=1.5", "flip_share must lie between 0 and 1"),
        ("live_norms=1", "live_norms cannot be '1'"),
        ("nothing.mask=1", "there is no setting nothing.mask"),
        ("num=1", "there is no setting num;"),
        ("short_sides=", "short_sides must not be empty"),
        ("num_frames=0", "num_frames must be at least 1"),
        ("plan.batch_size=0", "batch_size must be at least 1"),
    ],
)
def test_a_change_that_cannot_be_is_one_clear_sentence(change, sentence):
    with pytest.raises(ConfigError, match=sentence):
        override(ovis(), [change])


def test_every_released_model_has_presets_of_its_family():
    for name in ("daq_swinl_ytvis19", "daq_vitl_ytvis21", "daq_r50_ytvis19", "daq_swinl_ovis"):
        assert training_preset(preset(name), "tracker").steps == 160_000


def test_a_model_of_an_unknown_family_has_no_preset():
    with pytest.raises(ConfigError, match="no training preset for other"):
        training_preset(ModelConfig("other", ()), "tracker")
