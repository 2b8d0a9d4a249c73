"""A folder stands for a preset: what it says is read, and what is wrong is one sentence."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from maskstream_model import load_model
from maskstream_model.checkpoint import save_safetensors, state_of
from maskstream_model.daq.networks import build_networks
from maskstream_model.daq.presets import preset
from maskstream_model.errors import CheckpointError, ConfigError
from maskstream_model.families import family_of
from maskstream_model.model_folders import ModelFolder, model_folder, write_description
from maskstream_model.port import ClassInfo

CLASSES = (ClassInfo("hex bolt", "#aa3300"), ClassInfo("washer", "#0033aa"))


def write_model(path: Path, name: str = "parts") -> ModelFolder:
    """A folder with random weights of a demo model of two classes."""
    path.mkdir(parents=True)
    folder = ModelFolder(path, name, "demo", CLASSES)
    write_description(folder)
    config = replace(preset("demo"), name=name, classes=CLASSES)
    networks = build_networks(config.segmenter, config.tracker, config.num_classes)
    save_safetensors(folder.weights, state_of(networks.parts), {"preset": name})
    return folder


def test_a_folder_is_loaded_as_a_preset_is_and_has_its_own_classes(tmp_path):
    folder = write_model(tmp_path / "anywhere")
    assert model_folder(str(folder.path)) == folder
    model = load_model(str(folder.path))
    assert (model.info.name, model.info.classes) == ("parts", CLASSES)
    assert family_of(str(folder.path)) is family_of("demo")
    moved = shutil.copytree(folder.path, tmp_path / "moved")
    assert load_model(str(moved)).info.fingerprint == model.info.fingerprint


def test_a_preset_is_never_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "demo")
    assert len(load_model("demo").info.classes) == len(preset("demo").classes) != len(CLASSES)


def test_a_folder_without_weights_is_one_sentence(tmp_path):
    folder = write_model(tmp_path / "mine")
    folder.weights.unlink()
    with pytest.raises(CheckpointError, match=r"no weight file at .*mine/model\.safetensors"):
        load_model(str(folder.path))


def described(**changes):
    content = {"format": 1, "name": "mine", "base": "demo"}
    return content | {"classes": [{"name": "cup", "color": "#112233"}]} | changes


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (described(format=2), "not a description of format 1"),
        ([], "not a description of format 1"),
        (described(name="../up"), "the name of a model is up to 64 letters"),
        (described(name=3), "the name of a model is up to 64 letters"),
        (described(base=None), "must name the preset that is its base"),
        (described(base="nix"), "based on 'nix', which is not installed"),
        (described(classes=[]), "has 0 classes"),
        (described(classes=["cup"]), "a class needs a printable name"),
        (described(classes=[{"name": "a\x1b[2J", "color": "#112233"}]), "a printable name"),
        (described(classes=[{"name": "cup", "color": "red"}]), "written #rrggbb, not 'red'"),
        (described(classes=[{"name": "cup", "color": "#112233", "thing": 1}]), "true or false"),
        (described(classes=[{"name": "cup", "color": "#112233"}] * 2), "lists the class 'cup' twi"),
    ],
)
def test_a_description_that_is_none_is_one_sentence(tmp_path, content, sentence):
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=sentence):
        load_model(str(tmp_path))


def test_other_folders_and_files_are_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"is no model: it has no model\.json"):
        load_model(str(tmp_path))
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_model(str(tmp_path))
    (tmp_path / "model.json").write_text(" " * (1 << 20) + "{}")
    with pytest.raises(ConfigError, match="too large"):
        load_model(str(tmp_path))


@pytest.mark.parametrize("path", ["nowhere/", "./nowhere", "model.json", "/nowhere/at/all"])
def test_a_path_that_is_no_folder_is_one_sentence_without_presets(tmp_path, path):
    (tmp_path / "model.json").touch()
    where = path if path.startswith("/") else f"{tmp_path}/{path}"
    with pytest.raises(ConfigError) as caught:
        load_model(where)
    assert str(caught.value) == f"there is no folder {where}"
