"""torch-tensorrt: which arguments it gets, with a module that stands in for it."""

import importlib.machinery
import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from maskstream_model.backends import tensorrt
from maskstream_model.backends.interface import Source

CUDA = torch.device("cuda:0")


class Compiled(nn.Module):
    """What torch-tensorrt returns: a graph module whose engines are children by such names."""

    def __init__(self, engines):
        super().__init__()
        for number in range(engines):
            self.add_module(f"_run_on_acc_{number}", nn.Identity())
        self.add_module("_run_on_gpu_0", nn.Identity())


class StandInTensorRT(ModuleType):
    """The part of torch-tensorrt that is called; it keeps its arguments and compiles nothing."""

    __version__ = "2.14.0"
    Input = dict

    def __init__(self):
        super().__init__("torch_tensorrt")
        self.__spec__ = importlib.machinery.ModuleSpec("torch_tensorrt", None)
        self.dynamo, self.calls = self, []

    def compile(self, program, **options):
        self.calls.append(("compile", program, options))
        return Compiled(1)

    def save(self, module, path, **options):
        self.calls.append(("save", path, options))

    def load(self, path):
        self.calls.append(("load", path))
        return self

    def module(self):
        return "the engine"


@pytest.fixture
def stand_in(monkeypatch):
    module, library = StandInTensorRT(), ModuleType("tensorrt")
    library.__version__ = "11.1.0"
    monkeypatch.setitem(sys.modules, "torch_tensorrt", module)
    monkeypatch.setitem(sys.modules, "tensorrt", library)
    monkeypatch.setattr(Source, "program", lambda self: "the program")
    return module


@pytest.mark.parametrize("batch", [1, 4])
def test_every_argument_of_the_compiler(stand_in, tmp_path, batch):
    largest = torch.zeros(batch, 3, 64, 96), torch.zeros(batch, 8, 32)
    note = tensorrt.build(Source(nn.Identity(), ("a",), largest, "float32"), tmp_path)
    assert note == "1 TensorRT engines"
    (_, program, options), (_, path, saved) = stand_in.calls
    assert program == "the program"
    inputs = options.pop("arg_inputs")
    assert options == {
        "device": torch.device("cpu"),  # that of the inputs
        "disable_tf32": True,
        "truncate_double": True,
        "attn_bias_is_causal": False,
        "assume_dynamic_shape_support": True,
        "require_full_compilation": True,
    }
    assert path == str(tmp_path / "engine.pt2")
    assert saved == {"arg_inputs": inputs}
    if batch == 1:
        assert inputs == largest
    else:
        assert inputs == [
            {"min_shape": (1, *shape), "opt_shape": (4, *shape), "max_shape": (4, *shape)}
            for shape in ((3, 64, 96), (8, 32))
        ]


def test_an_engine_is_read_from_its_file(stand_in, tmp_path):
    source = Source(nn.Identity(), ("a",), [torch.zeros(1, 3, 64, 96)], "float32")
    assert tensorrt.load(source, tmp_path) == "the engine"
    assert stand_in.calls == [("load", str(tmp_path / "engine.pt2"))]


def test_what_an_engine_depends_on(stand_in):
    assert tensorrt.versions() == "torch-tensorrt 2.14.0, TensorRT 11.1.0"
    assert tensorrt.obstacle(CUDA) is None


def test_a_model_on_the_cpu_is_refused(stand_in):
    assert "needs a model on a CUDA device, not on cpu" in tensorrt.obstacle(torch.device("cpu"))


def failing(monkeypatch, error):
    class Failing:
        def find_spec(self, name, path=None, target=None):
            if name == "torch_tensorrt":
                raise error

    monkeypatch.delitem(sys.modules, "torch_tensorrt", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Failing(), *sys.meta_path])


@pytest.mark.parametrize(
    "error",
    [
        Exception("no GPU"),
        OSError("libnvinfer.so"),
        AssertionError(),
        ModuleNotFoundError("No module named 'tensorrt'", name="tensorrt"),
    ],
)
def test_whatever_its_import_raises_becomes_one_sentence(monkeypatch, error):
    failing(monkeypatch, error)
    sentence = tensorrt.obstacle(CUDA)
    assert sentence.startswith(f"torch-tensorrt cannot be imported here: {type(error).__name__}")


def test_where_it_is_not_installed_the_sentence_names_the_extra(monkeypatch):
    failing(monkeypatch, ModuleNotFoundError("No module", name="torch_tensorrt"))
    sentence = tensorrt.obstacle(CUDA)
    assert sentence == "torch-tensorrt is not installed: pip install 'maskstream[tensorrt]'"
