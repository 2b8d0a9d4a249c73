"""Presets of Mask2Former on COCO: their facts, and files as mmdetection publishes them."""

import numpy as np
import pytest
import torch

from maskstream_model import load_model, preset_names
from maskstream_model.association.presets import DEMO, preset
from maskstream_model.association.presets import preset_names as own_names
from maskstream_model.association.released import RELEASES
from maskstream_model.association.weight_format import targets
from maskstream_model.errors import CheckpointError, ConfigError
from maskstream_model.families import family_of
from maskstream_model.tasks.bilinear import bilinear_bytes, bilinear_floats
from maskstream_model.tasks.preprocess import pillow
from maskstream_model.weightfiles.inspection import inspect
from support.mmdetection import Mmdetection

R50 = "mask2former_r50_coco"


@pytest.fixture(scope="module")
def published(test_data, tmp_path_factory):
    """A file with the names of a published one, and zeros that take no space."""
    shapes = Mmdetection(test_data / "reference" / "mask2former_mmdet").shapes(R50)
    zero = torch.zeros(())
    weights = {name: zero.expand(shape) for name, shape in shapes.items()}
    path = tmp_path_factory.mktemp("published") / "r50.pth"
    torch.save({"meta": {"CLASSES": ("person",)}, "state_dict": weights}, path)
    return path


def test_presets_are_registered_and_each_has_a_published_file():
    registered = [name for name in preset_names() if family_of(name).name == "mask2former"]
    assert registered == sorted(own_names())
    assert {release.preset for release in RELEASES} == set(registered)
    for release in RELEASES:
        assert release.preset == DEMO or release.source.startswith("https://")
        assert release.preset == DEMO or release.licence == "Apache-2.0"


@pytest.mark.parametrize("name", own_names())
def test_presets_have_the_classes_of_coco(name):
    config = preset(name)
    if name == DEMO:
        return
    things = [info.thing for info in config.classes]
    assert things == [True] * 80 + [False] * (53 if config.task == "panoptic" else 0)
    assert config.classes[9].name == "traffic light"
    assert len({info.color for info in config.classes}) == len(config.classes)
    assert (config.online.min_size, config.online.max_size) == (800, 1333)
    assert len(targets(name)) > 400


def test_a_published_file_is_loaded_and_known_as_it_is(published):
    assert [fit.preset for fit in inspect(published).exact] == [R50]
    model = load_model(R50, published, min_size=64)
    assert model.resize is bilinear_floats
    assert model.info.task == "instances"
    assert all(not tensor.any() for tensor in model.segmenter.parameters())


def test_a_file_of_another_preset_is_refused(published):
    with pytest.raises(CheckpointError, match="do not fit the model"):
        load_model("mask2former_r50_coco_panoptic", published)
    with pytest.raises(CheckpointError, match="there are no weights of"):
        load_model(R50)
    with pytest.raises(ConfigError, match="knows no stuff"):
        load_model(DEMO, task="panoptic")


def test_the_demo_needs_no_download():
    model = load_model(DEMO)
    assert model.resize is pillow
    assert [info.name for info in model.info.classes] == [
        info.name for info in load_model("demo").info.classes
    ]


def test_bytes_are_resized_as_opencv_does():
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    for size, wanted in (((100, 150), (800, 1200)), ((180, 320), (90, 160)), ((61, 40), (90, 33))):
        frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        theirs = cv2.resize(frame, wanted[::-1], interpolation=cv2.INTER_LINEAR)
        apart = np.abs(bilinear_bytes(frame, wanted).astype(int) - theirs)
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.01
        floats = cv2.resize(frame.astype(np.float32), wanted[::-1], interpolation=cv2.INTER_LINEAR)
        assert np.abs(bilinear_floats(frame, wanted) - floats).max() < 0.05
