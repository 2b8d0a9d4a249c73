"""Which presets a file is compared with, by the beginnings of its names."""

import pytest
import torch

from maskstream_model.checkpoint import save_safetensors
from maskstream_model.families import preset_names
from maskstream_model.weightfiles import fitting
from maskstream_model.weightfiles.fitting import fits, format_of
from maskstream_model.weightfiles.inspection import inspect
from support.weight_files import DEMO


def with_weights():
    return [name for name in preset_names() if not name.endswith("_hungarian")]


@pytest.mark.parametrize("preset", with_weights())
def test_all_names_of_a_preset_begin_as_its_family_says(preset):
    how = format_of(preset)
    names = [name for name in how.targets(preset) if not name.startswith(how.prefixes)]
    assert names == []


@pytest.fixture
def tried(monkeypatch):
    """Presets whose networks were built to compare them."""
    built = []
    fit = fitting._fit
    monkeypatch.setattr(fitting, "_fit", lambda name, *rest: built.append(name) or fit(name, *rest))
    return built


def test_no_network_is_built_for_the_file_of_a_stranger(tried):
    assert fits({"a": torch.ones(2), "b.weight": torch.ones(3)}) == []
    assert tried == []


def test_a_file_is_compared_with_the_presets_of_its_family_alone(tried):
    (best, *_) = fits({"query_updater.weight": torch.ones(2)})
    assert best.preset.startswith("videomt_")
    assert {name.partition("_")[0] for name in tried} == {"videomt"}


def test_the_preset_that_is_asked_for_is_always_compared(tried):
    (fit,) = fits({"a": torch.ones(2)}, "demo")
    assert (fit.preset, fit.misfits.num_matching) == ("demo", 0)
    assert tried == ["demo"]


def test_a_file_that_fits_the_preset_it_names_is_compared_with_that_alone(tried, tmp_path):
    assert [fit.preset for fit in inspect(DEMO).exact] == ["demo"]
    assert tried == ["demo"]
    path = tmp_path / "other.safetensors"
    save_safetensors(path, {"tracker.a": torch.ones(2)}, {"preset": "demo"})
    assert inspect(path).exact == []
    assert len(set(tried)) > 2
