"""Real compilers on a tiny model: their engines pass the gate, and are read again."""

import pytest
import torch

from maskstream_model import families
from maskstream_model.backends import compile, openvino
from maskstream_model.backends.accelerate import accelerate
from maskstream_model.backends.execution import Wish
from support.tiny import tiny_model

CPU = torch.device("cpu")
SIZE = (64, 96)


def both_starts(name, tmp_path, monkeypatch, backend, max_batch=2):
    """What runs after a first start, and after a second one that may build nothing."""
    wish = Wish(name, frame_sizes=(SIZE,), max_batch=max_batch)
    first = accelerate(families.graph_of("demo", tiny_model()), wish, folder=tmp_path)
    monkeypatch.setattr(backend, "build", None)
    model = tiny_model()
    second = accelerate(families.graph_of("demo", model), wish, folder=tmp_path)
    assert model.info.backend == name
    return first, second


def is_close(execution):
    errors = [v for name, v in execution.agreement.items() if name.endswith(("_whole", "_query"))]
    return execution.agreement["same_ids"] and max(errors) < 1e-4


@pytest.mark.slow
def test_openvino_agrees_with_eager_in_float32(tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    assert all(map(is_close, both_starts("openvino", tmp_path, monkeypatch, openvino)))


@pytest.mark.slow
def test_torchs_compiler_agrees_with_eager(tmp_path, monkeypatch):
    if compile.obstacle(CPU):
        pytest.skip("no C++ compiler here")
    # One size of batch: it compiles for half a minute on a core of its own.
    assert all(map(is_close, both_starts("compile", tmp_path, monkeypatch, compile, 1)))


def test_openvino_that_is_not_installed_is_a_sentence_with_the_extra(monkeypatch):
    monkeypatch.setattr(openvino, "find_spec", lambda name: None)
    assert openvino.obstacle(CPU).endswith("is not installed: pip install 'maskstream[openvino]'")
    assert "not on cuda" in openvino.obstacle(torch.device("cuda"))


def test_a_compiler_of_cpp_that_is_missing_is_a_sentence(monkeypatch):
    monkeypatch.setattr(compile.shutil, "which", lambda name: None)
    assert compile.obstacle(CPU) == "a C++ compiler is not installed here (c++, g++, clang++)"
