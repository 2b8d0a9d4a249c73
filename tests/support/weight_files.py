"""Weight files as their authors write them, and what `maskstream weights` says of them."""

from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from maskstream_model.config.demo import demo
from maskstream_model.daq import presets
from maskstream_model.daq.presets import _presets
from maskstream_model.daq.weight_format import targets
from maskstream_model.loading import SHIPPED
from maskstream_model.weightfiles.command import weights

DEMO = SHIPPED / "demo.safetensors"


def run(*arguments):
    return CliRunner().invoke(weights, [str(each) for each in arguments])


def sentence_of(done):
    """The one line after which it ended, without a traceback."""
    assert done.exit_code != 0
    assert "Traceback" not in done.output
    assert isinstance(done.exception, SystemExit)
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    return lines[0]


def empty(name):
    """All tensors of a preset, with names, types and shapes but hardly any memory."""
    return {
        key: torch.zeros([1] * tensor.dim(), dtype=tensor.dtype).expand(tensor.shape)
        for key, tensor in targets(name).items()
    }


@pytest.fixture
def twins(monkeypatch):
    """Two presets that differ in their names alone, here as small as `demo`."""
    names = ("daq_r50_ytvis19", "daq_r50_ytvis21")
    ours = [replace(demo(), name=each.name) if each.name in names else each for each in _presets()]
    monkeypatch.setattr(presets, "_presets", lambda: ours)
    return names


@pytest.fixture
def released(tmp_path):
    """Writes tensors as the authors do; returns the path."""

    def write(tensors):
        path = tmp_path / "released.pth"
        criterion = {"daq_criterion.empty_weight": torch.ones(26)}
        torch.save({"model": {**tensors, **criterion}, "iteration": 159999}, path)
        return path

    return write
