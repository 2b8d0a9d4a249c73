"""`load_model`: presets, weights, overrides, and sentences where they cannot be."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from maskstream_model import load_model
from maskstream_model.backbones.resnet import FrozenBatchNorm2d
from maskstream_model.checkpoint import load_weights, save_safetensors, state_of
from maskstream_model.daq.loading import load
from maskstream_model.daq.networks import Networks, build_networks
from maskstream_model.daq.presets import preset
from maskstream_model.errors import CheckpointError, ConfigError
from maskstream_model.loading import seeded
from support.running import assert_same, run
from support.tiny import tiny_frames
from support.weight_files import twins

__all__ = ["twins"]

FEW = tiny_frames(2)
EVERYBODY = {
    "first_frame_score_min": 0.0,
    "emergence_score_min": 1.0,
    "double_iou_max": None,
    "min_size": 64,
}


@pytest.fixture(scope="module")
def model():
    return load_model("demo", "random", **EVERYBODY)


def random_networks(name: str) -> Networks:
    """The networks of `load_model(name, "random")`, before their norms are folded."""
    config = preset(name)
    return seeded(lambda: build_networks(config.segmenter, config.tracker, config.num_classes))


@pytest.fixture(scope="module")
def weights():
    return state_of(random_networks("demo").parts)


@pytest.fixture(scope="module")
def file(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "demo.safetensors"
    save_safetensors(path, weights, {})
    return path


def test_a_loaded_model_has_no_norms_to_compute_and_the_same_bits():
    networks = random_networks("demo")
    model = load_model("demo", "random")
    assert any(isinstance(part, FrozenBatchNorm2d) for part in networks.segmenter.modules())
    assert not any(isinstance(part, FrozenBatchNorm2d) for part in model.segmenter.modules())
    images = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours, unfolded = model.segmenter(images), networks.segmenter.eval()(images)
    for name, expected in vars(unfolded).items():
        assert torch.equal(getattr(ours, name), expected), name


def test_random_weights_are_the_same_on_every_call(model):
    again = load_model("demo", "random", **EVERYBODY)
    assert again.fingerprint == model.fingerprint
    for ours, theirs in zip(run(again, FEW)[0], run(model, FEW)[0], strict=True):
        assert len(theirs.track_ids) == 24
        assert_same(ours, theirs)


def test_weights_that_say_they_are_another_presets_are_refused(tmp_path, twins):
    converted, (own, other) = tmp_path / "model.safetensors", twins
    model = load_model(own, "random")
    weights = state_of(random_networks(own).parts)
    save_safetensors(converted, weights, {"preset": own})
    assert load_model(own, converted).fingerprint == model.fingerprint
    with pytest.raises(CheckpointError, match=f"weights of {own}, not of {other}"):
        load_model(other, converted)


def test_random_weights_leave_the_random_state_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    load_model("demo", "random")
    assert torch.equal(torch.rand(1), expected)


def test_saved_weights_give_the_same_model(model, file):
    loaded = load_model("demo", file, **EVERYBODY)
    assert loaded.fingerprint == model.fingerprint
    for ours, theirs in zip(run(loaded, FEW)[0], run(model, FEW)[0], strict=True):
        assert_same(ours, theirs)


def test_a_released_file_is_read_too(model, weights, tmp_path):
    ignored = {"daq_criterion.empty_weight": torch.ones(5)}
    torch.save({"model": {**weights, **ignored}}, tmp_path / "released.pth")
    loaded = load_model("demo", tmp_path / "released.pth", **EVERYBODY)
    assert loaded.fingerprint == model.fingerprint


def test_overrides_reach_the_rules():
    model = load_model("demo", "random", max_missed_frames=4, keep_score_min=None)
    assert model.config.online.max_missed_frames == 4
    assert model.config.online.keep_score_min is None
    assert model.config.online.tracked_score_min == preset("demo").online.tracked_score_min


@pytest.mark.parametrize("task", ["panoptic", "semantic", "instances"])
def test_a_model_that_knows_stuff_has_three_tasks(task):
    assert preset("daq_r50_vipseg").for_task(task).task == task


@pytest.mark.parametrize(
    ("name", "overrides", "sentence"),
    [
        ("demon", {}, r"unknown model 'demon'; did you mean demo\?$"),
        ("nix", {}, "unknown model 'nix'; known are .*daq_r50_ovis"),
        ("demo", {"patience": 3}, "unknown override patience; known are"),
        ("demo", {"tracked_score_min": 1.5}, "tracked_score_min must lie between 0 and 1"),
        ("demo", {"max_missed_frames": 0}, "max_missed_frames must be a whole number"),
        ("demo", {"overlap_min": -0.1}, "overlap_min must lie between 0 and 1"),
        ("daq_r50_vipseg", {"task": "depth"}, "unknown task 'depth'; known are instances"),
        (
            "demo",
            {"task": "semantic"},
            "demo has no classes of stuff: its task is instances, not semantic",
        ),
        ("demo", {"device": "abacus"}, "device 'abacus' cannot be used here"),
    ],
)
def test_a_wrong_setting_is_one_sentence(name, overrides, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load_model(name, "random", **overrides)


@pytest.mark.parametrize("name", ["daq_r50_ovis", "daq_r50_ovis_offline"])
def test_presets_without_shipped_weights_name_the_command_that_pulls_them(
    name, monkeypatch, tmp_path
):
    monkeypatch.setenv("MASKSTREAM_WEIGHTS_DIR", str(tmp_path))
    with pytest.raises(CheckpointError, match=f"run `maskstream weights pull {name}`"):
        load_model(name)


def test_offline_overrides_reach_the_rules():
    config = preset("daq_r50_ovis_offline").override(window=None, min_size=64)
    assert (config.offline.window, config.online.min_size) == (None, 64)
    assert config.offline.max_kept == 40


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            {"refiner": None},
            "unknown override refiner; known are min_size, .*window",
        ),
        ({"window": 0}, "window must be a whole number of at least 1"),
        ({"overlap": 2.5}, "overlap must be a whole number of at least 0"),
        ({"window": 10}, "overlap must be less than window, not 10 of 10 frames"),
        ({"max_kept": -1}, "max_kept must be a whole number of at least 0"),
        ({"max_results": 0}, "max_results must be a whole number of at least 1"),
        ({"tracked_score_min": 2}, "tracked_score_min must lie between 0 and 1"),
    ],
)
def test_a_wrong_offline_setting_is_one_sentence(overrides, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load_model("daq_r50_ovis_offline", "random", **overrides)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="there is no weight file at"):
        load_model("demo", tmp_path / "nowhere.safetensors")


def test_an_offline_model_needs_its_refiner(file, tmp_path):
    small = preset("demo"), preset("daq_r50_ovis_offline").offline
    config = replace(small[0], offline=small[1])
    with pytest.raises(CheckpointError, match=r"missing: refiner\.activation_proj\.bias"):
        load(config, file, "cpu")
    weights = load_weights(file)
    weights["refiner.decoder_norm.bias"] = torch.zeros(96)
    save_safetensors(tmp_path / "more.safetensors", weights, {})
    with pytest.raises(CheckpointError, match=r"unexpected: refiner\.decoder_norm\.bias"):
        load_model("demo", tmp_path / "more.safetensors")


def test_weights_that_lack_the_tracker_are_refused(weights, tmp_path):
    half = {k: v for k, v in weights.items() if not k.startswith("tracker.")}
    save_safetensors(tmp_path / "half.safetensors", half, {})
    with pytest.raises(CheckpointError, match=r"missing: tracker\."):
        load_model("demo", tmp_path / "half.safetensors")


def test_a_presets_list_needs_no_torch():
    code = "import sys, maskstream_model as m; m.preset_names(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
