"""A model on a backend: which one is chosen, what it says of itself, and what stays the same."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from maskstream_model import families
from maskstream_model.backends import accelerate as acceleration
from maskstream_model.backends import table
from maskstream_model.backends.accelerate import accelerate
from maskstream_model.backends.engine_cache import VARIABLE, engines_folder, key_of
from maskstream_model.backends.execution import Execution, Wish
from maskstream_model.backends.graph import CompiledNetwork
from maskstream_model.backends.interface import Source
from maskstream_model.errors import CompileError, StateError
from maskstream_model.port import StepInput
from support import genvis, videomt
from support.backends import StandInBackend
from support.tiny import tiny_frames, tiny_hungarian_model, tiny_model, tiny_offline_model

SIZE = (64, 96)
WISH = Wish("openvino", frame_sizes=(SIZE,), max_batch=2)


@pytest.fixture
def stand_in(monkeypatch):
    """Put a backend in the place of all that build engines."""

    def put(backend, names=tuple(table.BUILDERS)):
        builders = {**table.BUILDERS, **dict.fromkeys(names, lambda: backend)}
        monkeypatch.setattr(table, "BUILDERS", builders)
        return backend

    return put


def run(model, wish, folder, preset="demo", report=lambda text: None):
    return accelerate(families.graph_of(preset, model), wish, report, folder)


def larger(outputs):
    return [each * 1.01 for each in outputs]


@pytest.mark.parametrize(
    ("preset", "build"),
    [
        ("demo", tiny_model),
        ("demo_hungarian", tiny_hungarian_model),
        ("videomt_vits_ytvis19", videomt.tiny_model),
        ("genvis_r50_ovis_online", genvis.tiny_genvis),
    ],
)
def test_a_model_runs_on_the_backend_that_is_named(stand_in, tmp_path, preset, build):
    stand_in(StandInBackend())
    model, eager = build(), build()
    execution = run(model, WISH, tmp_path, preset)
    assert (execution.backend, execution.precision) == ("openvino", "float32")
    assert execution.notes == ("a stand-in",)
    assert (model.info.backend, model.info.precision) == ("openvino", "float32")
    assert model.info.agreement["same_ids"]
    state, expected_state = model.begin(), eager.begin()
    for frame in tiny_frames(3, seed=1):
        (output,) = model.step([StepInput([frame], state)])
        (expected,) = eager.step([StepInput([frame], expected_state)])
        ids = output.results[0].tracks.track_ids
        assert ids.tolist() == expected.results[0].tracks.track_ids.tolist()
        # Another server may run eagerly: the memory is one of the same model.
        state = model.from_parts(eager.to_parts(expected.state))
        expected_state = expected.state


def test_the_live_part_of_a_model_that_refines_videos_is_what_runs_on_it(stand_in, tmp_path):
    stand_in(StandInBackend())
    model = tiny_offline_model()
    assert run(model, WISH, tmp_path).backend == "openvino"
    assert isinstance(model.online.segmenter, CompiledNetwork)
    assert model.info.backend == model.online.info.backend == "openvino"
    assert model.info.lookahead


def test_on_a_cpu_auto_is_eager_and_builds_nothing(stand_in, tmp_path):
    backend = stand_in(StandInBackend())
    model = tiny_model()
    assert run(model, Wish(frame_sizes=(SIZE,)), tmp_path) == Execution("eager", "float32")
    assert model.info.backend == "eager"
    assert backend.builds == 0
    assert list(tmp_path.iterdir()) == []


def test_on_a_gpu_auto_takes_tensorrt_then_compile_then_eager():
    device = torch.device("cuda:1")
    assert table.candidates("auto", device) == ("tensorrt", "compile", "eager")
    assert table.candidates("openvino", device) == ("openvino",)
    assert table.candidates("auto", torch.device("cpu")) == ("eager",)


def test_what_auto_passes_over_is_reported(stand_in, monkeypatch, tmp_path):
    monkeypatch.setattr(table, "BY_DEVICE", {"cpu": ("tensorrt", "compile", "eager")})
    stand_in(StandInBackend(reason="it is not installed"), ["tensorrt"])
    stand_in(StandInBackend(), ["compile"])
    execution = run(tiny_model(), replace(WISH, backend="auto"), tmp_path)
    assert execution.backend == "compile"
    assert execution.reason == "tensorrt is not used: it is not installed"
    stand_in(StandInBackend(larger), ["compile"])
    model = tiny_model()
    execution = run(model, replace(WISH, backend="auto"), tmp_path)
    assert execution.backend == model.info.backend == "eager"
    first, _, second = execution.reason.partition("; ")
    assert first == "tensorrt is not used: it is not installed"
    assert second.startswith("compile is not used: for frames of 96x64 in float32 it differs")


def test_a_backend_that_is_named_and_cannot_run_is_one_sentence(stand_in, tmp_path):
    stand_in(StandInBackend(reason="it is not installed: pip install 'maskstream[openvino]'"))
    with pytest.raises(CompileError) as caught:
        run(tiny_model(), WISH, tmp_path)
    assert str(caught.value) == (
        "openvino is not used: it is not installed: pip install 'maskstream[openvino]'"
    )


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (replace(WISH, frame_sizes=()), "openvino needs the sizes of frames"),
        (Wish("eager", "bfloat16"), "eager computes in float32, not in bfloat16"),
        (Wish("auto", "bfloat16", (SIZE,)), "eager computes in float32, not in bfloat16"),
    ],
)
def test_wishes_that_cannot_be(stand_in, tmp_path, wish, sentence):
    stand_in(StandInBackend())
    with pytest.raises(CompileError, match=sentence):
        run(tiny_model(), wish, tmp_path)


def test_a_precision_that_a_backend_does_not_have(stand_in, tmp_path):
    backend = stand_in(StandInBackend())
    backend.PRECISIONS = ("float32",)
    with pytest.raises(CompileError, match="openvino computes in float32, not in bfloat16"):
        run(tiny_model(), replace(WISH, precision="bfloat16"), tmp_path)


def test_a_family_without_a_graph_runs_eagerly_and_nothing_else(tmp_path):
    assert accelerate(None, Wish(), folder=tmp_path).backend == "eager"
    with pytest.raises(CompileError, match="the model has nothing to compile"):
        accelerate(None, WISH, folder=tmp_path)


@pytest.mark.parametrize("place", ["build", "load"])
def test_whatever_a_compiler_raises_is_one_sentence(stand_in, tmp_path, place):
    backend = stand_in(StandInBackend())

    def fail(*_):
        raise AssertionError("internal error\nwith a trace")

    setattr(backend, place, fail)
    with pytest.raises(CompileError) as caught:
        run(tiny_model(), WISH, tmp_path)
    text = str(caught.value)
    assert text == "openvino is not used: it failed: AssertionError: internal error"
    assert not [each for each in tmp_path.iterdir() if place == "build" and each.is_dir()]


# The fingerprint of memories.


def test_an_exact_backend_keeps_the_fingerprint_of_eager(stand_in, tmp_path):
    stand_in(StandInBackend())
    model = tiny_model()
    run(model, WISH, tmp_path)
    assert model.fingerprint == model.info.fingerprint == tiny_model().fingerprint


def test_a_lower_precision_has_fingerprints_of_its_own(stand_in, tmp_path):
    stand_in(StandInBackend())
    found = {tiny_model().fingerprint}
    for backend in table.BUILDERS:
        model = tiny_model()
        run(model, replace(WISH, backend=backend, precision="bfloat16"), tmp_path)
        assert model.info.precision == "bfloat16"
        assert model.fingerprint == model.info.fingerprint
        found.add(model.fingerprint)
    assert len(found) == 4
    with pytest.raises(StateError):
        model.from_parts(tiny_model().to_parts(tiny_model().begin()))


# Sizes and batches.


def test_sizes_that_are_the_same_in_the_network_have_one_engine(stand_in, tmp_path):
    backend, reports = stand_in(StandInBackend()), []
    sizes = (SIZE, (60, 90), (96, 64))
    run(tiny_model(), replace(WISH, frame_sizes=sizes), tmp_path, report=reports.append)
    assert backend.builds == 2
    assert reports == [
        f"{what} engine {number} of 2" for number in (1, 2) for what in ("building", "checking")
    ]


def test_what_no_engine_was_built_for_runs_eagerly(stand_in, tmp_path):
    stand_in(StandInBackend())
    model = tiny_model()
    run(model, WISH, tmp_path)
    calls, network = [], model.segmenter
    (engine,) = network.engines.values()
    network.engines = {SIZE: lambda images: calls.append(len(images)) or engine(images)}
    eager = tiny_model().segmenter
    for shape in ((1, 3, 64, 96), (2, 3, 64, 96), (3, 3, 64, 96), (1, 3, 96, 64)):
        images = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            torch.testing.assert_close(vars(network(images)), vars(eager(images)))
    assert calls == [1, 2]
    assert torch.equal(network.query_features, eager.query_features)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = network.nonsense


# Engines on disk.


def test_a_second_start_builds_nothing(stand_in, tmp_path):
    backend = stand_in(StandInBackend())
    for _ in range(2):
        run(tiny_model(), WISH, tmp_path)
    assert backend.builds == 1


def test_an_engine_is_built_again_when_something_that_it_depends_on_changes(stand_in, tmp_path):
    backend = stand_in(StandInBackend())
    run(tiny_model(), WISH, tmp_path)
    changes = (
        (tiny_model(seed=1), WISH),
        (tiny_model(), replace(WISH, max_batch=3)),
        (tiny_model(), replace(WISH, frame_sizes=((96, 64),))),
        (tiny_model(), replace(WISH, precision="bfloat16")),
        (tiny_model(), replace(WISH, backend="compile")),
    )
    for number, (model, wish) in enumerate(changes, 2):
        run(model, wish, tmp_path)
        assert backend.builds == number
    backend.versions = lambda: "stand-in 2"
    run(tiny_model(), WISH, tmp_path)
    assert backend.builds == 2 + len(changes)


def test_the_key_depends_on_the_gpu(monkeypatch):
    capability = (9, 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    there = torch.zeros(1, 3, 64, 96, device="meta")
    monkeypatch.setattr(Source, "device", torch.device("cuda"))
    source = Source(torch.nn.Identity(), ("a",), [there], "float32")
    one = key_of("tensorrt", StandInBackend(), "f", source)
    assert one == key_of("tensorrt", StandInBackend(), "f", source)
    capability = (8, 6)
    assert one != key_of("tensorrt", StandInBackend(), "f", source)


def test_damaged_files_are_built_again(stand_in, tmp_path):
    backend = stand_in(StandInBackend())
    run(tiny_model(), WISH, tmp_path)
    (path,) = tmp_path.glob("*/engine")
    path.write_text("wrong")
    run(tiny_model(), WISH, tmp_path)
    assert backend.builds == 2


def test_engines_are_kept_where_the_variable_says_or_in_the_users_cache(tmp_path):
    assert engines_folder({VARIABLE: str(tmp_path)}) == tmp_path
    found = engines_folder({"XDG_CACHE_HOME": str(tmp_path)})
    assert found == tmp_path / "maskstream" / "engines"


def test_names_of_backends_import_no_torch():
    code = (
        "import sys, maskstream_model.backends.table, maskstream_model.backends.execution;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert table.CHOICES == ("auto", "eager", "compile", "tensorrt", "openvino")


def test_every_backend_has_the_same_interface():
    for name, builder in acceleration.table.BUILDERS.items():
        backend = builder()
        assert "float32" in backend.PRECISIONS, name
        for function in ("obstacle", "versions", "build", "load"):
            assert callable(getattr(backend, function)), name
