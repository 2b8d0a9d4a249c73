"""The script that checks a device in minutes: end to end on an emulated one, and without extras."""

import json
import subprocess
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch

from maskstream_model.backends import table
from support.backends import StandInBackend
from support.emulated_device import CUDA, EmulatedDevice, place_module
from support.tiny import tiny_model

SCRIPTS = Path(__file__).parents[2] / "scripts"
SMALL = {"preset": "demo", "size": (64, 96), "batches": (1, 2), "streams": (2,), "seconds": 0.3}


def script(name):
    spec = spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def check():
    return script("gpu_check")


@pytest.fixture(scope="module")
def subject():
    return script("gpu_subject")


def is_complete(found):
    assert set(found["steps"]) == {"1", "2"}
    assert all(times["p50"] > 0 for times in found["steps"].values())
    for parts in found["parts"].values():
        assert min(parts["network"]["p50"], parts["tracking"]["p99"]) > 0
    (live,) = found["live"].values()
    assert live["frames"] + live["dropped"] > 0


@pytest.mark.slow
def test_everything_runs_on_an_emulated_device(check, subject, tmp_path, monkeypatch):
    waits = []
    broken = StandInBackend(lambda outputs: [each * 1.01 for each in outputs])
    builders = {"tensorrt": StandInBackend, "compile": lambda: broken}
    monkeypatch.setattr(table, "BUILDERS", builders)
    monkeypatch.setattr(subject, "ROUNDS", 3)
    monkeypatch.setattr(subject, "PRODUCT_SIDE", 64)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "emulated")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (9, 0))
    monkeypatch.setenv("MASKSTREAM_ENGINES_DIR", str(tmp_path / "engines"))

    def part(fields, seconds):
        model = tiny_model()
        place_module(model.segmenter)
        place_module(model.tracker)
        model.device = CUDA
        with EmulatedDevice():
            return subject.measure(
                subject.subject_of({**fields, "device": "cuda"}), model, lambda: waits.append(1)
            )

    wanted = [{**SMALL, "backend": name} for name in ("eager", "tensorrt", "compile")]
    results = check.run(wanted, tmp_path, 60.0, part)["subjects"]
    written = json.loads((tmp_path / "result.json").read_text())["subjects"]
    assert written == json.loads(json.dumps(results))
    assert list(results) == ["demo eager", "demo tensorrt", "demo compile"]
    is_complete(results["demo eager"])
    assert len(results["demo eager"]["profile"]) > 10
    floor = results["demo eager"]["floor"]
    assert 0 < floor["network_gflop"] < 0.1
    assert min(floor["tflop_s_of_float32"], floor["tflop_s_of_bfloat16"]) >= 0
    is_complete(results["demo tensorrt"])
    assert results["demo tensorrt"]["execution"]["backend"] == "tensorrt"
    assert results["demo tensorrt"]["execution"]["agreement"]["same_ids"]
    assert "it differs from eager" in results["demo compile"]["error"]
    assert len(waits) >= 2 * 2 * 2 * subject.ROUNDS


@pytest.mark.slow
def test_a_subject_has_a_process_of_its_own_with_the_packages_of_the_folder(check, tmp_path):
    (tmp_path / "packages").mkdir()
    check.register(tmp_path / "packages")
    fields = {**SMALL, "device": "cpu"}
    is_complete(check.in_a_process(tmp_path, fields, 250.0))
    with pytest.raises(RuntimeError, match="unknown model 'nix'"):
        check.in_a_process(tmp_path, {**fields, "preset": "nix"}, 250.0)
    with pytest.raises(subprocess.TimeoutExpired):
        check.in_a_process(tmp_path, fields, 0.01)


def test_a_part_that_fails_or_comes_too_late_ends_nothing_else(check, tmp_path, monkeypatch):
    clock = iter([0.0, 0.0, 0.0, 5.0, 5.0, 5.0, 55.0, 55.0, 55.0, 55.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))

    def part(fields, seconds):
        if fields["preset"] == "one":
            raise ValueError("no such operator")
        return {"steps": {}}

    wanted = [{"preset": name} for name in ("one", "two", "three")]
    found = check.run(wanted, tmp_path, 1.0, part)["subjects"]
    assert found["one eager"] == {"error": "ValueError: no such operator", "seconds": 5.0}
    assert found["two eager"]["steps"] == {}
    assert found["three eager"]["error"] == "no time was left"


def test_the_most_wanted_is_measured_first_and_every_backend_of_a_gpu(check, subject):
    wanted = check.subjects("cuda")
    assert [each["preset"] for each in wanted[:2]] == ["demo", "daq_r50_ovis"]
    assert {each.get("backend", "eager") for each in wanted} == set(table.BY_DEVICE["cuda"])
    for fields in wanted:
        read = subject.subject_of(json.loads(json.dumps(fields)))
        assert read.device == "cuda"
        assert isinstance(read.size, tuple)
    assert len({check.name_of(fields) for fields in wanted}) == len(wanted)


def test_presets_are_registered_as_an_installation_would(check, tmp_path):
    check.register(tmp_path)
    (path,) = tmp_path.glob("maskstream-*.dist-info/entry_points.txt")
    assert "demo = maskstream_model.daq.family:DAQ" in path.read_text()


def test_live_streams_count_what_comes_too_late(subject, monkeypatch):
    class Slow:
        def begin(self):
            return 0

        def step(self, steps):
            self.now += 0.05
            from types import SimpleNamespace

            return [SimpleNamespace(state=each.state + 1, results=[]) for each in steps]

    model = Slow()
    model.now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: model.now)
    monkeypatch.setattr(time, "sleep", lambda seconds: setattr(model, "now", model.now + seconds))
    options = subject.subject_of({**SMALL, "seconds": 3.0, "batches": (1,)})
    alone = subject.live(options, model, 1)
    assert alone["dropped"] > 25  # of 90 frames, 60 can be stepped
    assert 55 <= alone["frames"] <= 65
    slower = subject.live(subject.subject_of({**SMALL, "seconds": 3.0, "fps": 10.0}), model, 2)
    assert slower["dropped"] == 0
    assert slower["latency"]["p99"] < 110
