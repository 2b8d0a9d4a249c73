"""Weight files: what is read, what is refused and how, and what is written."""

import os
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from maskstream_model.checkpoint import (
    fingerprint,
    load_into,
    load_weights,
    save_safetensors,
    state_of,
)
from maskstream_model.config import ClassInfo
from maskstream_model.errors import CheckpointError
from support.tiny import tiny_config


@pytest.fixture
def parts():
    torch.manual_seed(0)
    return {"": nn.Linear(3, 2), "tracker.": nn.BatchNorm1d(2)}


def test_a_released_file_is_read_from_under_model_without_its_criterion(tmp_path):
    weights = {"a.weight": torch.ones(2), "daq_criterion.empty_weight": torch.ones(3)}
    torch.save({"model": weights, "iteration": 7, "optimizer": {}}, tmp_path / "w.pth")
    assert list(load_weights(tmp_path / "w.pth")) == ["a.weight"]


def test_a_file_that_runs_code_when_unpickled_is_refused(tmp_path):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "was here"),)

    torch.save({"model": {"a": Malicious()}}, tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match=r"names code \(\w+\.mkdir\), .* none of it was run"):
        load_weights(tmp_path / "w.pth")
    assert not (tmp_path / "was here").exists()


@pytest.fixture
def training_log(monkeypatch):
    """The class in which mmengine logs numbers, where files are written; it is not installed."""
    module = ModuleType("mmengine.logging.history_buffer")
    facts = {"__module__": module.__name__, "__qualname__": "HistoryBuffer"}
    module.HistoryBuffer = type("HistoryBuffer", (), facts)
    for name in ("mmengine", "mmengine.logging"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.HistoryBuffer


def test_plain_facts_beside_the_weights_are_allowed_and_never_imported(
    tmp_path, training_log, monkeypatch
):
    log = training_log()
    log.history = np.arange(3.0)
    meta = {"CLASSES": ("cat",), "time": np.float64(1), "seen": np.array([True]), "log": log}
    torch.save({"state_dict": {"weight": torch.ones(2)}, "meta": meta}, tmp_path / "file.pth")
    for name in [name for name in sys.modules if name.startswith("mmengine")]:
        monkeypatch.delitem(sys.modules, name)
    assert load_weights(tmp_path / "file.pth")["weight"].tolist() == [1, 1]
    assert "mmengine" not in sys.modules


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_a_damaged_file_is_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged"):
        load_weights(tmp_path / name)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(CheckpointError, match="there is no weight file"):
        load_weights(tmp_path / "none.pth")


@pytest.mark.parametrize("content", [[1, 2], {"model": [1]}, {"model": {"a": 1}}])
def test_a_file_without_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(CheckpointError):
        load_weights(tmp_path / "w.pth")


def test_weights_that_fit_are_copied_into_every_part(parts):
    weights = {name: torch.full_like(value, 3) for name, value in state_of(parts).items()}
    load_into(parts, weights)
    assert (parts[""].weight == 3).all()
    assert (parts["tracker."].running_var == 3).all()


def test_all_that_does_not_fit_is_listed_and_nothing_is_changed(parts):
    before = {name: value.clone() for name, value in state_of(parts).items()}
    weights = {name: value + 1 for name, value in before.items()}
    del weights["tracker.running_mean"], weights["bias"]
    weights["stranger"] = torch.zeros(1)
    weights["weight"] = torch.zeros(2, 4)
    with pytest.raises(CheckpointError) as caught:
        load_into(parts, weights)
    text = str(caught.value)
    assert "missing: bias, tracker.running_mean" in text
    assert "unexpected: stranger" in text
    assert "weight is (2, 4) instead of (2, 3)" in text
    after = state_of(parts)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_long_lists_are_cut_with_their_count_and_the_way_to_see_all():
    many = {f"w{index}": torch.zeros(1) for index in range(30)}
    with pytest.raises(CheckpointError, match=r"and 10 more; the file lists all$"):
        load_into(nn.Identity(), many, rest="the file lists all")
    with pytest.raises(CheckpointError, match=r"unexpected: w0$"):
        load_into(nn.Identity(), {"w0": many["w0"]}, rest="the file lists all")


def test_what_is_written_is_read_back_with_its_metadata(tmp_path, parts):
    path = tmp_path / "w.safetensors"
    save_safetensors(path, state_of(parts), {"hours": "2"})
    read = load_weights(path)
    assert {name: value.dtype for name, value in read.items()} == {
        name: value.dtype for name, value in state_of(parts).items()
    }
    assert all(torch.equal(read[name], value) for name, value in state_of(parts).items())
    with safe_open(path, "pt") as stored:
        assert stored.metadata() == {"hours": "2"}


def test_halves_take_half_the_room_and_come_back_as_float32(tmp_path):
    weights = {"a": torch.randn(1000), "steps": torch.tensor(5)}
    for half in (False, True):
        save_safetensors(tmp_path / f"{half}.safetensors", weights, {}, half)
    sizes = [(tmp_path / f"{half}.safetensors").stat().st_size for half in (False, True)]
    assert sizes[1] < 0.6 * sizes[0]
    read = load_weights(tmp_path / "True.safetensors")
    assert read["a"].dtype == torch.float32
    torch.testing.assert_close(read["a"], weights["a"], atol=1e-3, rtol=1e-3)
    assert read["steps"] == 5


def test_channels_last_and_shared_memory_are_written_plainly(tmp_path):
    weight = torch.arange(24.0).view(1, 2, 3, 4)
    moved = weight.contiguous(memory_format=torch.channels_last)
    save_safetensors(tmp_path / "w.safetensors", {"a": moved, "b": moved}, {})
    read = load_weights(tmp_path / "w.safetensors")
    assert torch.equal(read["a"], weight)
    assert torch.equal(read["b"], weight)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    save_safetensors(path, {"a": torch.ones(1)}, {})

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_safetensors(path, {"a": torch.zeros(1)}, {})
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.safetensors"]
    assert load_weights(path)["a"] == 1


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_file_has_the_mode_of_any_other(tmp_path, umask):
    before = os.umask(umask)
    try:
        save_safetensors(tmp_path / "w.safetensors", {"a": torch.ones(1)}, {})
    finally:
        os.umask(before)
    assert (tmp_path / "w.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask


def test_the_fingerprint_follows_weights_and_rules_but_not_looks():
    config = tiny_config()
    weights = {"a": torch.zeros(3), "b": torch.ones(2, 2)}
    base = fingerprint(weights, config)
    assert len(base) == 16
    assert int(base, 16) >= 0
    assert fingerprint(dict(reversed(weights.items())), config) == base
    assert fingerprint({"a": torch.zeros(3), "c": torch.ones(2, 2)}, config) != base
    changed = torch.zeros(3)
    changed[2] = np.nextafter(np.float32(0), np.float32(1)).item()
    assert fingerprint({**weights, "a": changed}, config) != base
    assert fingerprint(weights, tiny_config(max_missed_frames=4)) != base
    for shown in ("report_score_min", "object_score_min", "overlap_min"):
        assert fingerprint(weights, tiny_config(**{shown: 0.9})) == base
    named = replace(config, classes=tuple(ClassInfo(f"c{i}", "#000000") for i in range(3)))
    assert fingerprint(weights, named) == base
