"""The class head of a model of one's own: rows of equal names stay, the others start new."""

import pytest
import torch

from maskstream_model.checkpoint import save_safetensors
from maskstream_model.errors import ConfigError, MaskstreamModelError
from maskstream_model.loading import shipped
from maskstream_train.own_classes.start import find_start
from maskstream_train.training.class_heads import with_classes


def test_rows_of_equal_names_stay_and_others_begin_near_the_mean():
    head = torch.tensor([[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]])
    made = with_classes({"tracker.class_embed.weight": head}, ["cup", "Big_Dog"], ["big dog", "x"])
    rows = made["tracker.class_embed.weight"]
    assert torch.equal(rows[0], head[1])
    assert torch.equal(rows[-1], head[2])
    assert torch.allclose(rows[1], torch.tensor([2.0, 2.0]), atol=1.0)


def test_only_class_heads_change_of_weights_and_of_biases():
    weights = {"class_embed.bias": torch.arange(3.0), "mask_embed.bias": torch.arange(3.0)}
    made = with_classes(weights, ["a", "b"], ["b", "c", "a", "d"])
    assert made["mask_embed.bias"] is weights["mask_embed.bias"]
    assert made["class_embed.bias"][[0, 2, 4]].tolist() == [1.0, 0.0, 2.0]


def test_auto_names_files_and_folders_lead_to_the_same_weights():
    start = find_start("auto")
    assert (start.base, start.weights) == ("demo", shipped("demo"))
    assert find_start("demo") == find_start(str(shipped("demo"))) == start
    assert len(start.tensors(["x", "y"])["tracker.class_embed.bias"]) == 3


@pytest.mark.parametrize(
    ("init", "sentence"),
    [
        ("nowhere.safetensors", "no weight file, no model folder and no preset"),
        ("mask2former_r50_coco", "from a model of DVIS-DAQ; mask2former_r50_coco is another"),
        ("daq_r50_ovis", "there are no weights of daq_r50_ovis"),
    ],
)
def test_a_start_that_is_none_is_one_sentence(init, sentence):
    with pytest.raises(MaskstreamModelError, match=sentence):
        find_start(init)


def test_weights_of_no_preset_are_one_sentence(tmp_path):
    file = tmp_path / "odd.safetensors"
    save_safetensors(file, {"a": torch.zeros(2)}, {})
    with pytest.raises(ConfigError, match="fits no preset"):
        find_start(str(file))
