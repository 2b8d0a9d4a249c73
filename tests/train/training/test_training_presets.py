"""The presets of data sets hold the published numbers; the demo's stay as its weights were made."""

from dataclasses import replace

import pytest

from maskstream_model.config import ModelConfig
from maskstream_model.daq.presets import preset
from maskstream_model.errors import ConfigError
from maskstream_train.training.augmentation import Augmentation
from maskstream_train.training.clip_sampling import ClipSampling
from maskstream_train.training.criterion import Criterion
from maskstream_train.training.presets import training_preset
from maskstream_train.training.recipes import Recipe, TrackerRecipe, tracker_criterion
from maskstream_train.training.run_options import BatchPlan

OVIS, YTVIS19, YTVIS21 = (
    preset(name) for name in ("daq_r50_ovis", "daq_r50_ytvis19", "daq_r50_ytvis21")
)
VIPSEG = ModelConfig("daq_r50_vipseg", ())


@pytest.mark.parametrize(
    ("config", "keep_score_min", "steps", "decay_at"),
    [
        (OVIS, 0.1, 160_000, 112_000),
        (YTVIS19, 0.02, 160_000, 112_000),
        (YTVIS21, 0.02, 160_000, 112_000),
        (VIPSEG, 0.01, 90_000, 66_000),
    ],
    ids=lambda value: value.name if isinstance(value, ModelConfig) else str(value),
)
def test_families_differ_in_threshold_and_schedule(config, keep_score_min, steps, decay_at):
    found = training_preset(config, "tracker")
    assert found.tracker.keep_score_min == keep_score_min
    assert (found.steps, found.recipe.decay_steps) == (steps, (decay_at,))
    assert found.tracker.short_steps == 10_000


def test_the_published_optimisation_and_losses():
    recipe = training_preset(OVIS, "tracker").recipe
    assert (recipe.learning_rate, recipe.weight_decay, recipe.clip_norm) == (1e-4, 0.05, 0.01)
    assert (recipe.decay_factor, recipe.backbone_factor) == (0.1, 0.1)
    weights, cost, sampling = (
        recipe.criterion.weights,
        recipe.criterion.cost,
        recipe.criterion.sampling,
    )
    assert (weights.classes, weights.mask, weights.dice, weights.no_object) == (2, 5, 5, 0.1)
    assert (cost.class_weight, cost.mask_weight, cost.dice_weight) == (2, 5, 5)
    assert cost.num_points == sampling.count == 12544
    assert (sampling.oversample, sampling.uncertain_share) == (3, 0.75)


def test_clips_of_video_instance_segmentation():
    plan = training_preset(OVIS, "tracker").plan
    assert (plan.batch_size, plan.sampling.num_frames) == (8, 5)
    assert plan.augmentation == Augmentation()
    assert training_preset(OVIS, "segmenter").plan.sampling.num_frames == 1


def test_clips_of_vipseg_are_larger_and_whole_and_nothing_disappears():
    found = training_preset(VIPSEG, "tracker")
    settings = found.plan.augmentation
    assert (settings.short_sides[0], settings.short_sides[-1]) == (480, 800)
    assert (settings.max_long_side, settings.crop_share) == (1333, 0.0)
    assert found.tracker.disappearance_simulation == "off"
    assert training_preset(OVIS, "tracker").tracker.disappearance_simulation == "random"
    assert found.plan.picture_classes == {}


@pytest.mark.parametrize(("config", "count"), [(OVIS, 17), (YTVIS19, 21), (YTVIS21, 23)])
def test_pictures_teach_classes_that_the_model_has(config, count):
    pictures = training_preset(config, "tracker").plan.picture_classes
    assert len(pictures) == count
    assert set(pictures.values()) <= {item.name for item in config.classes}
    assert "mouse" not in pictures  # COCO's is a thing to click with.


def test_the_demo_is_trained_as_before():
    segmenter, tracker = (training_preset(preset("demo"), s) for s in ("segmenter", "tracker"))
    imagenet = {"imagenet": True, "live_norms": False, "backbone_factor": 0.3}
    assert segmenter.recipe == Recipe(learning_rate=8e-4, **imagenet)
    assert tracker.recipe == Recipe(
        learning_rate=5e-4, criterion=tracker_criterion(Criterion(), 0.2)
    )
    assert tracker.tracker == TrackerRecipe()
    clips = segmenter.plan.clips
    assert (clips.height, clips.width, clips.num_frames) == (128, 224, 2)
    assert segmenter.plan == BatchPlan(clips, batch_size=8)
    assert tracker.plan.mix.data is None, "what is packed is mixed in where a file is given"
    clips = replace(clips, num_frames=6)
    assert tracker.plan == BatchPlan(clips, tracker.plan.mix, batch_size=4)
    assert segmenter.steps is None


@pytest.mark.parametrize(
    ("name", "steps", "decay_at"),
    [
        ("daq_r50_ovis_offline", 160_000, 112_000),
        ("daq_vitl_ovis_offline", 80_000, 56_000),
        ("daq_vitl_ytvis21_offline", 160_000, 112_000),
    ],
)
def test_refiners_learn_from_longer_clips_in_either_direction(name, steps, decay_at):
    found = training_preset(preset(name), "refiner")
    assert (found.steps, found.recipe.decay_steps) == (steps, (decay_at,))
    assert found.plan.sampling == ClipSampling(15, reverse_share=0.5)
    criterion = found.recipe.criterion
    assert criterion.cost.num_points == criterion.sampling.count == 15 * 12544


@pytest.mark.parametrize(
    ("name", "stage"), [("daq_r50_ovis", "refiner"), ("daq_r50_ovis_offline", "tracker")]
)
def test_models_have_the_stages_of_what_they_add(name, stage):
    with pytest.raises(ConfigError, match=f"{name} has no stage {stage}"):
        training_preset(preset(name), stage)
