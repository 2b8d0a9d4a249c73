"""What `maskstream doctor` finds of the model and of the backends that could compute it."""

from pathlib import Path

import pytest

from maskstream_model.backends import openvino, table
from maskstream_server.config.settings import Settings
from maskstream_server.doctor import backends, model
from maskstream_server.doctor.checks import BACKEND_CHECKS, examine
from maskstream_server.engine.step import Stepper
from maskstream_server.lifecycle.models import Models
from support.backends import StandInBackend
from support.logs import logging_as_before
from support.server import FakeModel
from support.sgmg import tiny_model as sgmg_model
from support.tiny import tiny_model

__all__ = ["logging_as_before"]

pytestmark = pytest.mark.usefixtures("logging_as_before")


def silent(doing: str) -> None:
    pass


def test_a_broken_checkpoint_is_reported_in_one_sentence(tmp_path: Path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no tensors")
    (finding,) = model.check_model(Settings(weights=str(broken)), silent)
    assert finding.grade == "failed"
    assert str(broken) in finding.text
    assert "weights" in finding.advice


def test_a_model_that_loads_is_named_and_timed(monkeypatch):
    monkeypatch.setattr(model, "SLOW_S", 1000.0)
    loaded, backend, step = model.check_model(Settings(weights="random"), silent)
    assert (loaded.grade, backend.grade, step.grade) == ("warning", "ok", "ok")
    assert backend.text == "eager in float32"
    assert "fingerprint" in loaded.text
    assert "frames/s" in step.text


def test_a_model_that_fails_on_a_frame(monkeypatch):
    class Full(FakeModel):
        def step(self, *_: object) -> None:
            raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(model, "load", lambda settings: Models(Full()))
    assert model.check_model(Settings(), silent)[-1].grade == "failed"
    monkeypatch.setattr(model, "load", lambda settings: Models(FakeModel(step_s=0.01)))
    monkeypatch.setattr(model, "SLOW_S", 0.005)
    assert model.check_model(Settings(), silent)[-1].grade == "warning"


def test_a_late_model_is_timed_over_whole_chunks(monkeypatch):
    """Of a chunk of four frames three only wait: their median would be nothing."""
    monkeypatch.setattr(model, "load", lambda settings: Models(sgmg_model()))
    monkeypatch.setattr(model, "SLOW_S", 1000.0)

    def probe(self, stepped, count):
        return [8.0 if number % 4 == 3 else 0.0 for number in range(count)]

    monkeypatch.setattr(Stepper, "probe", probe)
    step = model.check_model(Settings(threads=1), silent)[-1]
    assert step.text.startswith("2000 ms for a frame")


def test_a_backend_that_is_refused_is_a_warning_with_its_reason(monkeypatch):
    monkeypatch.setattr(openvino, "find_spec", lambda name: None)
    monkeypatch.setattr(model, "SLOW_S", 1000.0)
    _, backend, step = model.check_model(Settings(weights="random", backend="openvino"), silent)
    assert (backend.grade, step.grade) == ("warning", "ok")
    assert backend.text == (
        "openvino is not used: OpenVINO is not installed: pip install 'maskstream[openvino]'"
    )
    assert "--backends" in backend.advice


def test_all_backends_are_built_and_compared(monkeypatch, tmp_path):
    stand_ins = {
        "compile": StandInBackend(),
        "tensorrt": StandInBackend(lambda outputs: [each * 1.01 for each in outputs]),
        "openvino": StandInBackend(reason="it is not installed"),
    }
    builders = {name: lambda backend=backend: backend for name, backend in stand_ins.items()}
    monkeypatch.setattr(table, "BUILDERS", builders)
    monkeypatch.setattr(backends, "BUILDERS", builders)
    monkeypatch.setattr(backends, "load", lambda settings: Models(tiny_model()))
    monkeypatch.setenv("MASKSTREAM_ENGINES_DIR", str(tmp_path))
    options = {"compile_size": "96x64", "max_batch": 2}
    said = list[str]()
    findings = examine(options, checks=BACKEND_CHECKS, report=said.append)
    found = {each.name: each for each in findings}
    assert said[:2] == ["compile: building engine 1 of 1", "compile: checking engine 1 of 1"]
    assert list(found)[-4:] == ["eager", "compile", "tensorrt", "openvino"]
    assert found["compile"].grade == "ok"
    assert found["compile"].text.startswith("compile in float32: the same ids as eager, IoU of ")
    assert found["tensorrt"].grade == found["openvino"].grade == "warning"
    assert "it differs from eager: embeddings_whole by 1.0e-02" in found["tensorrt"].text
    assert found["openvino"].text == "openvino is not used: it is not installed"
