"""`maskstream export`: the graph computes what the segmenter does, or no file is left."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from docs.pages import CHECKOUT, blocks
from maskstream_model import load_model, onnx_graph
from maskstream_model.checkpoint import PRESET, load_weights, save_safetensors
from maskstream_model.daq.presets import preset
from maskstream_model.errors import CompileError, ConfigError
from maskstream_model.export_command import export
from maskstream_model.loading import shipped
from maskstream_model.model_folders import ModelFolder, write_description
from maskstream_model.onnx_graph import write_segmenter
from maskstream_model.port import ClassInfo
from maskstream_model.tasks.preprocess import MEAN, STD, prepare, resized_size
from support.sample_clip import sample_clip

NAMES = ["embeddings", "logits", "mask_logits", "mask_features"]
FRAME = (256, 448)
"""(height, width) of the frames that the graphs are for."""


def invoke(*words):
    return CliRunner().invoke(export, ["--size", "448x256", *map(str, words)])


@pytest.fixture(scope="module")
def runtime():
    """The packages of the extra, which a checkout may be without."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    return pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """The folder of a model with class names of its own, and the weights of demo."""
    demo = preset("demo")
    classes = tuple(ClassInfo(f"my {each.name}", each.color) for each in demo.classes)
    folder = ModelFolder(tmp_path_factory.mktemp("own") / "mine", "mine", "demo", classes)
    folder.path.mkdir()
    write_description(folder)
    save_safetensors(folder.weights, load_weights(shipped("demo")), {PRESET: "mine"}, half=True)
    return folder.path


@pytest.fixture(scope="module")
def model(mine):
    return load_model(str(mine))


@pytest.fixture(scope="module")
def exported(runtime, mine, model):
    """The file of a command; an export takes half a minute of CPU time."""
    path = mine.parent / "segmenter.onnx"
    command = Path(sys.executable).with_name("maskstream")
    options = ["--model", mine, "--size", "448x256", "--max-batch", "3", "--out", path]
    # A process of its own, whose stderr has what libraries log, too.
    done = subprocess.run(
        [command, "export", "--to", "onnx", *options], capture_output=True, text=True, check=False
    )
    height, width = model.batch_key(*FRAME)
    assert done.stderr == ""
    assert done.stdout == (
        f"{path}: segmenter of mine for 1 to 3 pictures of {width}x{height}, same outputs\n"
    )
    return path


@pytest.fixture
def session(runtime, exported):
    return runtime.InferenceSession(exported, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def frames():
    height, width = FRAME
    return sample_clip(height=height, width=width, num_frames=3, seed=1).frames


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3])
def test_the_graph_computes_what_the_segmenter_does(session, model, frames, batch):
    images = prepare(list(frames[:batch]), model.config.online).images
    with torch.no_grad():
        expected = model.segmenter(images)
    outputs = session.run(None, {"images": images.numpy()})
    assert [each.name for each in session.get_outputs()] == NAMES
    for name, ours in zip(NAMES, outputs, strict=True):
        theirs = getattr(expected, name).numpy()
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-3 * np.abs(theirs).max())


@pytest.mark.slow
def test_the_file_says_what_it_was_made_of(session, model):
    facts = session.get_modelmeta().custom_metadata_map
    rules = model.config.online
    assert facts["preset"] == "mine"
    assert facts["fingerprint"] == model.info.fingerprint
    assert json.loads(facts["classes"]) == [each.name for each in model.info.classes]
    assert json.loads(facts["frame_size"]) == list(FRAME)
    resized = resized_size(*FRAME, rules.min_size, rules.max_size)
    assert json.loads(facts["resized_size"]) == list(resized)
    assert (json.loads(facts["mean"]), json.loads(facts["std"])) == (list(MEAN), list(STD))


@pytest.mark.slow
def test_the_code_of_the_page_finds_objects(exported, frames, tmp_path, monkeypatch, capsys):
    shutil.copy(exported, tmp_path / "segmenter.onnx")
    Image.fromarray(frames[0]).save(tmp_path / "street.jpg", quality=95)
    monkeypatch.chdir(tmp_path)
    (block,) = blocks(CHECKOUT / "docs" / "onnx.md", "python")
    exec(compile(block, "onnx.md", "exec"), {})
    found = [line.rsplit(" ", 2) for line in capsys.readouterr().out.splitlines()]
    assert found
    for _, score, pixels in found:
        assert 0.5 <= float(score) <= 1
        assert 0 < int(pixels) < frames[0][..., 0].size


@pytest.mark.slow
def test_a_graph_that_computes_something_else_is_not_kept(
    runtime, exported, model, tmp_path, monkeypatch
):
    real = runtime.InferenceSession
    copied = SimpleNamespace(metadata_props={})
    graph = SimpleNamespace(model=copied, save=lambda path: shutil.copy(exported, path))
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: graph)

    class Wrong:
        def __init__(self, path, **options):
            self.session = real(path, **options)

        def run(self, names, inputs):
            return [each * 1.01 for each in self.session.run(names, inputs)]

    monkeypatch.setattr(runtime, "InferenceSession", Wrong)
    with pytest.raises(CompileError, match=r"embeddings_whole by 1\.0e-02 of its size"):
        write_segmenter(model, FRAME, tmp_path / "mine.onnx", 3)
    assert list(tmp_path.iterdir()) == []


def test_without_the_packages_one_sentence_names_the_extra(tmp_path, monkeypatch):
    for name in ("onnx", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, None)
    done = invoke("--out", tmp_path / "demo.onnx")
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert "needs onnx and onnxscript" in line
    assert line.endswith('pip install "maskstream[onnx]"')
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_found_before_the_export(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_graph, "_onnxruntime", lambda: None)
    monkeypatch.setattr(onnx_graph, "reference", lambda *_: pytest.fail("an export began"))
    path = tmp_path / "nosuch" / "demo.onnx"
    done = invoke("--out", path)
    assert done.exit_code == 1
    assert done.stderr == f"Error: {path} cannot be written: No such file or directory\n"


def test_a_model_without_a_segmenter_of_its_own_is_refused(tmp_path):
    whole = SimpleNamespace(info=SimpleNamespace(name="whole"))
    with pytest.raises(ConfigError, match="whole has no segmenter apart from its tracker"):
        write_segmenter(whole, FRAME, tmp_path / "out.onnx")
