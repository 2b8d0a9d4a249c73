"""Facts of the presets: those of the released configurations, and of our own model."""

import pytest

from maskstream_model.config import SegmenterConfig, TrackerConfig
from maskstream_model.presets import preset, preset_names


@pytest.mark.parametrize(
    ("name", "num_classes", "score_min", "keep_score_min"),
    [
        ("daq_r50_ovis", 25, 0.1, 0.01),
        ("daq_r50_ytvis19", 40, 0.01, None),
        ("daq_r50_ytvis21", 40, 0.01, None),
    ],
)
def test_released_presets_have_the_official_numbers(name, num_classes, score_min, keep_score_min):
    config = preset(name)
    rules = config.online
    assert config.num_classes == num_classes
    assert (rules.tracked_score_min, rules.emergence_score_min) == (score_min, score_min)
    assert rules.keep_score_min == keep_score_min
    assert rules.first_frame_score_min == 0.01
    assert (rules.max_missed_frames, rules.appearance_window) == (8, 9)
    assert (rules.min_size, rules.max_size) == (480, 1333)
    assert (config.segmenter, config.tracker) == (SegmenterConfig(), TrackerConfig())


def test_the_demo_lets_tracker_2_decide():
    assert preset("demo").online.keep_score_min is not None


@pytest.mark.parametrize("name", preset_names())
def test_classes_have_names_and_colours_of_their_own(name):
    classes = preset(name).classes
    assert len({info.name for info in classes}) == len(classes)
    assert len({info.color for info in classes}) == len(classes)
