"""Facts of the presets: those of the released configurations, and of our own model."""

from dataclasses import replace

import pytest
import torch

from maskstream_model.config import (
    RefinerConfig,
    SegmenterConfig,
    SwinConfig,
    TrackerConfig,
    VitAdapterConfig,
)
from maskstream_model.daq.networks import build_networks
from maskstream_model.daq.presets import preset, preset_names
from maskstream_model.daq.weight_format import targets

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
OFFLINE = [name for name in preset_names() if name.endswith("_offline")]
ONLINE = [name for name in preset_names() if name.startswith("daq_") and name not in OFFLINE]
LARGE = [name for name in [*ONLINE, *OFFLINE] if "_r50_" not in name]


@pytest.mark.parametrize("name", ONLINE)
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
    assert shapes_of(name) == reference.shapes(name)


@pytest.mark.parametrize("name", LARGE)
def test_large_presets_have_the_released_names_and_shapes(name, reference):
    """Only OVIS is listed in `keys/`; other sets differ in the rows of their class heads."""
    config = preset(name)
    _, backbone, *_ = name.split("_")
    released = reference.shapes(f"daq_{backbone}_ovis")
    for key, shape in released.items():
        if "class_embed" in key:
            released[key] = (config.num_classes + 1, *shape[1:])
    ours = shapes_of(name)
    assert {key: ours[key] for key in ours if not key.startswith("refiner.")} == released


def test_the_offline_preset_of_resnet_has_the_released_names_and_shapes(reference):
    assert shapes_of("daq_r50_ovis_offline") == reference.shapes("daq_r50_ovis_offline")


@pytest.mark.parametrize("name", OFFLINE)
def test_local_attention_is_all_that_distinguishes_refiners(name):
    """No list of the names of a refiner with local attention was recorded; docs/model.md 5 has
    them."""
    config = preset(name)
    local = [f"conv_short_aggregate_layers.{i}.{j}" for i in range(6) for j in (0, 2)]
    local += [f"conv_norms.{i}" for i in range(6)]
    ours = {key for key in shapes_of(name) if key.startswith("refiner.")}
    plain = {key for key in shapes_of("daq_r50_ovis_offline") if key.startswith("refiner.")}
    expected = {f"refiner.{key}.{kind}" for key in local for kind in ("weight", "bias")}
    assert ours - plain == (expected if config.offline.refiner.local_attention else set())


def shapes_of(name):
    """Shape by name of a preset's networks, built without memory."""
    return {key: tuple(tensor.shape) for key, tensor in targets(name).items()}


@pytest.mark.parametrize("name", OFFLINE)
def test_offline_presets_have_the_official_numbers(name):
    _, _, data, _ = name.split("_")
    ours, online = preset(name), preset(name.removesuffix("_offline"))
    score_min = 0.05 if data == "ovis" else 0.01
    assert ours.online == replace(
        online.online, tracked_score_min=score_min, emergence_score_min=score_min
    )
    assert (ours.segmenter, ours.tracker) == (online.segmenter, online.tracker)
    assert (ours.classes, ours.task) == (online.classes, online.task)
    assert (ours.offline.max_kept, ours.offline.max_results) == (40, 20)
    local = name in ("daq_vitl_ovis_offline", "daq_vitl_ytvis21_offline")
    assert ours.offline.refiner == RefinerConfig(6, 8, 2048, local_attention=local)


def test_networks_have_as_many_parameters_as_the_paper_says():
    """Table A4b, in millions. The numbers of frozen batch norms are no parameters.

    Tracker 2 is what it has alone; heads, embeddings and all else count for tracker 1. The refiner
    is not in the table.
    """
    config = preset("daq_r50_ovis")
    with torch.device("meta"):
        networks = build_networks(config.segmenter, config.tracker, config.num_classes)
    tracker = dict(networks.tracker.named_parameters())
    second = {name: tracker.pop(name) for name in list(tracker) if name.startswith("slot_")}
    assert millions(networks.segmenter.parameters()) == 44.15
    assert millions(tracker.values()) == 9.94
    assert millions(second.values()) == 8.68


def test_the_offline_model_has_as_many_parameters_as_the_released_one():
    """docs/model.md 5: 956 entries with the criterion's, 74.04 million parameters."""
    config = preset("daq_r50_ovis_offline")
    with torch.device("meta"):
        networks = build_networks(
            config.segmenter, config.tracker, config.num_classes, config.offline.refiner
        )
    assert len(shapes_of(config.name)) == 956 - 1
    modules = networks.parts.values()
    assert millions(each for module in modules for each in module.parameters()) == 74.04


def millions(parameters):
    return round(sum(each.numel() for each in parameters) / 1e6, 2)


def test_backbones_have_names_for_people():
    kinds = [preset(name).segmenter.backbone.kind for name in ("demo", "daq_r50_ovis")]
    assert kinds == ["efficientnet-lite", "resnet (bottleneck)"]
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
