"""Facts of the presets: those of the released configurations, and of our own model."""

import pytest
import torch

from maskstream_model.checkpoint import state_of
from maskstream_model.config import SegmenterConfig, SwinConfig, TrackerConfig, VitAdapterConfig
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.mask2former.segmenter import Segmenter
from maskstream_model.presets import preset, preset_names

SEGMENTERS = {
    "r50": SegmenterConfig(),
    "swinl": SegmenterConfig(backbone=SwinConfig(), num_queries=200),
    "vitl": SegmenterConfig(backbone=VitAdapterConfig(), num_queries=200),
}
SETS = {
    "ovis": (25, 0.1, 0.01, 480),
    "ytvis19": (40, 0.01, None, 480),
    "ytvis21": (40, 0.01, None, 480),
    "vipseg": (124, 0.01, None, 720),
}
RELEASED = [name for name in preset_names() if name.startswith("daq_")]
LARGE = [name for name in RELEASED if "_r50_" not in name]


@pytest.mark.parametrize("name", RELEASED)
def test_released_presets_have_the_official_numbers(name):
    config = preset(name)
    _, backbone, data = name.split("_")
    num_classes, score_min, keep_score_min, min_size = SETS[data]
    rules = config.online
    assert config.num_classes == num_classes
    assert (rules.tracked_score_min, rules.emergence_score_min) == (score_min, score_min)
    assert rules.keep_score_min == keep_score_min
    assert rules.first_frame_score_min == 0.01
    assert (rules.max_missed_frames, rules.appearance_window) == (8, 9)
    assert (rules.min_size, rules.max_size) == (min_size, 1333)
    assert (config.segmenter, config.tracker) == (SEGMENTERS[backbone], TrackerConfig())


@pytest.mark.parametrize("data", SETS)
def test_resnet_presets_have_the_released_names_and_shapes(data, reference):
    name = f"daq_r50_{data}"
    assert shapes_of(preset(name)) == reference.shapes(name)


@pytest.mark.parametrize("name", LARGE)
def test_large_presets_have_the_released_names_and_shapes(name, reference):
    """Only OVIS is listed in `keys/`; other sets differ in the rows of their class heads."""
    config = preset(name)
    released = reference.shapes(name.rpartition("_")[0] + "_ovis")
    for key, shape in released.items():
        if "class_embed" in key:
            released[key] = (config.num_classes + 1, *shape[1:])
    assert shapes_of(config) == released


def shapes_of(config):
    """Shape by name of a preset's networks, built without memory."""
    with torch.device("meta"):
        segmenter = Segmenter(config.segmenter, config.num_classes)
        tracker = QueryTracker(config.segmenter, config.tracker, config.num_classes)
    parts = state_of({"": segmenter, "tracker.": tracker})
    return {name: tuple(tensor.shape) for name, tensor in parts.items()}


def test_backbones_have_names_for_people():
    kinds = [preset(name).segmenter.backbone.kind for name in ("demo", "daq_r50_ovis")]
    assert kinds == ["resnet (basic)", "resnet (bottleneck)"]
    assert preset("daq_swinl_ovis").segmenter.backbone.kind == "swin"
    assert preset("daq_vitl_ovis").segmenter.backbone.kind == "vit-adapter"


@pytest.mark.parametrize("backbone", ["r50", "vitl"])
def test_vipseg_presets_are_panoptic_with_the_things_first(backbone):
    config = preset(f"daq_{backbone}_vipseg")
    assert config.task == "panoptic"
    assert [info.thing for info in config.classes] == [True] * 58 + [False] * 66
    names = [info.name for info in config.classes]
    # The ends of both lists, and the person, which is 60 of 124 in the data set's own numbers.
    assert (names[0], names[17], names[57], names[58], names[123]) == (
        "door",
        "person",
        "train",
        "wall",
        "food",
    )
    assert (config.online.object_score_min, config.online.overlap_min) == (0.8, 0.8)
    assert config.online.report_score_min == 0.8


def test_the_demo_lets_tracker_2_decide():
    assert preset("demo").online.keep_score_min is not None


@pytest.mark.parametrize("name", preset_names())
def test_classes_have_names_and_colours_of_their_own(name):
    classes = preset(name).classes
    assert len({info.name for info in classes}) == len(classes)
    assert len({info.color for info in classes}) == len(classes)
