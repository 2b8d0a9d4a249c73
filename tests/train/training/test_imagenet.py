"""The backbone starts from published ImageNet weights: what they compute, it computes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from maskstream_model.backbones.efficientnet import EfficientNet
from maskstream_model.checkpoint import load_into, load_weights
from maskstream_model.config import EfficientNetConfig
from maskstream_model.errors import CheckpointError, ConfigError, TrainingError
from maskstream_model.tasks.preprocess import normalise
from maskstream_train.data.pictures import opened_picture
from maskstream_train.training import imagenet
from maskstream_train.training.run import train_segmenter
from support.small_runs import small_options

LITE0 = EfficientNetConfig()
CAMEL, RACER, SCOOTER = 354, 751, 670
"""ImageNet's numbers of what is to be seen in three sequences of real cut-outs."""


@pytest.fixture(scope="module")
def published():
    return load_weights(imagenet.imagenet_file())


@pytest.fixture(scope="module")
def backbone():
    network = EfficientNet(LITE0).eval()
    load_into(network, imagenet.imagenet_weights(imagenet.imagenet_file(), LITE0))
    return network


def their_norm(x, weights, name):
    parts = [weights[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *parts, eps=1e-3)


def test_the_stem_takes_our_pixels_for_theirs(published, backbone):
    pixels = torch.randint(0, 256, (1, 3, 32, 64), dtype=torch.uint8)
    theirs = F.pad((pixels.float() - 127) / 128, (0, 1, 0, 1))
    theirs = F.conv2d(theirs, published["_conv_stem.weight"], stride=2)
    expected = their_norm(theirs, published, "_bn0")
    found = backbone.stem(normalise(pixels))
    # On the last row and column padding stands for another colour than theirs.
    torch.testing.assert_close(found[..., :-1, :-1], expected[..., :-1, :-1], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("sequence", "number"),
    [("camel", CAMEL), ("drift-straight", RACER), ("scooter-black", SCOOTER)],
)
def test_with_the_published_classifier_it_knows_real_things(
    published, backbone, test_data, sequence, number
):
    path = sorted((test_data / "cutouts" / "davis" / sequence).glob("*.jpg"))[30]
    with opened_picture(path) as picture:
        pixels = np.array(picture.convert("RGB").resize((384, 224)))
    image = normalise(torch.from_numpy(pixels).permute(2, 0, 1)[None])
    with torch.no_grad():
        head = F.conv2d(backbone(image)[3], published["_conv_head.weight"])
        mean = F.relu6(their_norm(head, published, "_bn1")).mean((2, 3))
        classes = F.linear(mean, published["_fc.weight"], published["_fc.bias"])
    assert number in classes[0].topk(5).indices


def test_another_networks_file_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="no such network"):
        imagenet.imagenet_weights(tmp_path / "other.pth", LITE0)


def test_other_backbones_cannot_start_so(tmp_path):
    options = small_options(tmp_path)
    options = replace(options, recipe=replace(options.recipe, imagenet=True))
    with pytest.raises(ConfigError, match="no ImageNet weights here for a resnet"):
        train_segmenter(options)


def test_without_the_package_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(imagenet, "PACKAGE", "no_such_package_at_all")
    with pytest.raises(TrainingError, match="maskstream\\[train\\]"):
        imagenet.imagenet_file()
