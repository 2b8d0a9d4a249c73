"""Export and the gate before a compiled segmenter, with compilers made for the test."""

import sys
from dataclasses import replace
from types import ModuleType

import pytest
import torch

from maskstream_model.compilers import BACKENDS, tensorrt
from maskstream_model.config import EfficientNetConfig
from maskstream_model.engines import check_pictures
from maskstream_model.errors import CompileError
from maskstream_model.families import CompileRequest
from maskstream_model.mask2former.compile import compile_model, compile_segmenter, export_segmenter
from maskstream_model.mask2former.compiled import CompiledSegmenter
from maskstream_model.mask2former.segmenter import Segmenter
from support.tiny import tiny_config, tiny_model

SIZE = (64, 96)
REQUEST = CompileRequest("other", SIZE)
NAMES = ("embeddings", "logits", "mask_logits", "mask_features")


# The backbone of the demo model; `backbones/test_build.py` exports the others.
BACKBONE = EfficientNetConfig(8, (4, 8, 8, 12, 12, 16, 20), (1, 2, 1, 1, 1, 1, 1))


def build():
    config = tiny_config()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        segmenter = replace(config.segmenter, backbone=BACKBONE)
        return Segmenter(segmenter, config.num_classes).eval()


@pytest.fixture(scope="module")
def segmenter():
    return build()


@pytest.fixture(scope="module")
def program(segmenter):
    return export_segmenter(segmenter, *SIZE, max_batch=3)


@pytest.fixture
def exported_once(monkeypatch, program):
    """Skip the seconds that each export takes."""
    monkeypatch.setattr(
        "maskstream_model.mask2former.compile.export_segmenter", lambda *args: program
    )


def honest(program, largest):
    """A compiler that returns the exported program itself."""
    return program.module()


def slightly_wrong(output, factor=1.01):
    """A compiler whose engine multiplies one of the outputs, by default adds one per cent."""

    def compiler(program, largest):
        module = program.module()

        def engine(images):
            values = list(module(images))
            values[output] = values[output] * factor
            return values

        return engine

    return compiler


def broken(program, largest):
    module = program.module()
    return lambda images: [value * float("nan") for value in module(images)]


def absent(program, largest):
    raise ModuleNotFoundError("No module named 'the_compiler'")


def assert_same(ours, expected, tolerance=1e-5):
    for name in NAMES:
        torch.testing.assert_close(
            getattr(ours, name), getattr(expected, name), atol=tolerance, rtol=tolerance
        )


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_exported_graph_computes_what_eager_computes(segmenter, program, batch):
    images = torch.randn(batch, 3, *SIZE, generator=torch.Generator().manual_seed(batch))
    with torch.no_grad():
        expected = segmenter(images)
        outputs = program.module()(images)
    for name, ours in zip(NAMES, outputs, strict=True):
        torch.testing.assert_close(ours, getattr(expected, name), atol=1e-5, rtol=1e-5)


def test_the_exported_graph_is_one_graph_of_plain_operations(program):
    targets = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert {node.op for node in program.graph.nodes} == {"placeholder", "call_function", "output"}
    assert [name for name in targets if not name.startswith(("aten.", "<built-in function "))] == []
    assert any("gather" in target for target in targets)
    assert not any("grid_sampl" in target or "embedding_bag" in target for target in targets)
    # TensorRT has no converter for it, and would part the graph there.
    assert not any(target.startswith("aten.all") for target in targets)


def test_no_exported_activation_is_in_place_behind_a_slice(program):
    """It would become a scatter."""
    named = [(str(node.target), node) for node in program.graph.nodes]
    in_place = [node for name, node in named if name.split(".")[:2][-1].endswith("_")]
    assert len(in_place) > 10
    assert not any("slice" in str(node.args[0].target) for node in in_place)


@pytest.mark.usefixtures("program")
def test_exporting_leaves_the_segmenter_as_it_was(segmenter):
    before, after = build().state_dict(), segmenter.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


@pytest.mark.usefixtures("exported_once")
def test_a_right_engine_is_accepted_and_used(segmenter):
    calls = []

    def counting(program, largest):
        module = program.module()

        def engine(images):
            calls.append(len(images))
            return module(images)

        return engine

    compiled = compile_segmenter(segmenter, SIZE, counting, 2)
    assert isinstance(compiled, CompiledSegmenter)
    calls.clear()
    images = torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        assert_same(compiled(images), segmenter(images))
    assert calls == [2]
    assert compiled.query_features is segmenter.query_features


@pytest.mark.parametrize("shape", [(3, 3, 64, 96), (1, 3, 96, 64)])
@pytest.mark.usefixtures("exported_once")
def test_pictures_that_the_engine_was_not_built_for_run_eagerly(segmenter, shape):
    compiled = compile_segmenter(segmenter, SIZE, honest, 2)
    compiled.engine = None
    images = torch.randn(shape, generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        assert_same(compiled(images), segmenter(images), 0)


@pytest.mark.parametrize("output", range(4), ids=NAMES)
@pytest.mark.usefixtures("exported_once")
def test_an_engine_that_is_slightly_wrong_is_refused(segmenter, output):
    with pytest.raises(CompileError, match=f"{NAMES[output]} of the engine is off by 1.0e-02"):
        compile_segmenter(segmenter, SIZE, slightly_wrong(output), 1)


@pytest.mark.parametrize("output", range(4), ids=NAMES)
@pytest.mark.usefixtures("exported_once")
def test_the_gate_is_at_two_thousandths_of_an_outputs_size(segmenter, output):
    compile_segmenter(segmenter, SIZE, slightly_wrong(output, 1.0015), 1)
    with pytest.raises(CompileError, match=r"is off by 2\.5e-03"):
        compile_segmenter(segmenter, SIZE, slightly_wrong(output, 1.0025), 1)


class StandInTensorRT(ModuleType):
    """The part of torch-tensorrt that is called; it keeps its arguments and compiles nothing."""

    Input = dict

    def __init__(self) -> None:
        super().__init__("torch_tensorrt")
        self.dynamo, self.calls = self, []

    def compile(self, program, **options):
        self.calls.append((program, options))
        return "the engine"


@pytest.mark.parametrize("batch", [1, 4])
def test_torch_tensorrt_compiles_in_full_float32_for_every_batch_up_to_the_largest(
    monkeypatch, batch
):
    stand_in = StandInTensorRT()
    monkeypatch.setitem(sys.modules, "torch_tensorrt", stand_in)
    largest = torch.zeros(batch, 3, *SIZE)
    assert tensorrt(torch.device("cuda"))("the program", [largest]) == "the engine"
    ((program, options),) = stand_in.calls
    (pictures,) = options.pop("arg_inputs")
    assert program == "the program"
    assert options == {"disable_tf32": True, "truncate_double": True}
    if batch == 1:
        assert pictures is largest
    else:
        full = (4, 3, *SIZE)
        assert pictures == {"min_shape": (1, 3, *SIZE), "opt_shape": full, "max_shape": full}


def test_torch_tensorrt_is_refused_for_a_model_on_the_cpu(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_tensorrt", StandInTensorRT())
    with pytest.raises(CompileError, match="needs the model on a CUDA device"):
        tensorrt(torch.device("cpu"))


@pytest.mark.usefixtures("exported_once")
def test_an_engine_that_returns_nan_is_refused(segmenter):
    with pytest.raises(CompileError, match="off by nan"):
        compile_segmenter(segmenter, SIZE, broken, 1)


@pytest.mark.usefixtures("exported_once")
def test_an_engine_that_returns_too_little_is_refused(segmenter):
    with pytest.raises(CompileError, match="returns 1 tensors"):
        compile_segmenter(segmenter, SIZE, lambda program, largest: lambda x: [x], 1)


@pytest.mark.usefixtures("exported_once")
def test_a_refused_engine_leaves_eager_and_one_sentence(segmenter):
    model = tiny_model().with_segmenter(segmenter)
    chosen, sentence = compile_model(model, REQUEST, {"other": lambda device: slightly_wrong(1)})
    assert chosen is model
    assert sentence.startswith("The segmenter runs eagerly: logits of the engine is off by")


@pytest.mark.usefixtures("exported_once")
def test_a_compiler_that_is_not_installed_leaves_eager_and_one_sentence():
    model = tiny_model()
    chosen, sentence = compile_model(model, REQUEST, {"other": lambda device: absent})
    assert chosen is model
    assert "ModuleNotFoundError: No module named 'the_compiler'" in sentence
    assert sentence.count("\n") == 0


@pytest.mark.parametrize("error", [Exception("no GPU"), OSError("libnvinfer.so"), AssertionError()])
def test_whatever_importing_torch_tensorrt_raises_becomes_one_sentence(monkeypatch, error):
    class Failing:
        def find_spec(self, name, path=None, target=None):
            if name == "torch_tensorrt":
                raise error

    monkeypatch.delitem(sys.modules, "torch_tensorrt", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Failing(), *sys.meta_path])
    with pytest.raises(CompileError, match=f"cannot be imported here: {type(error).__name__}"):
        tensorrt(torch.device("cuda"))


def test_eager_is_the_first_of_the_backends():
    assert BACKENDS == ("eager", "tensorrt")


def test_the_check_covers_single_pictures_and_full_batches():
    pictures = check_pictures(torch.zeros(4, 3, *SIZE))
    assert [tuple(picture.shape) for picture in pictures] == [(4, 3, *SIZE)] * 2 + [(1, 3, *SIZE)]
    again = check_pictures(torch.zeros(4, 3, *SIZE))
    assert all(torch.equal(a, b) for a, b in zip(pictures, again, strict=True))


@pytest.mark.usefixtures("exported_once")
def test_a_compiled_model_continues_with_the_states_of_the_eager_one():
    model = tiny_model()
    compiled, reason = compile_model(
        model, REQUEST, {"other": lambda device: lambda *_: eager_engine(model)}
    )
    assert reason is None
    assert isinstance(compiled.segmenter, CompiledSegmenter)
    frame = torch.full((*SIZE, 3), 90, dtype=torch.uint8).numpy()
    output, state = model.track_frame(frame, model.begin())
    again, _ = compiled.track_frame(frame, compiled.begin())
    assert torch.equal(output.track_ids, again.track_ids)
    assert compiled.from_parts(model.to_parts(state)).num_frames == 1


def eager_engine(model):
    """An engine that is right, for any weights."""

    def engine(images):
        output = model.segmenter(images)
        return [getattr(output, name) for name in NAMES]

    return engine
