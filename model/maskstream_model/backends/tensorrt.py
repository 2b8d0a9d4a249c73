"""TensorRT through torch-tensorrt: engines for NVIDIA's GPUs, for batches of 1 to the largest."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from maskstream_model.backends.interface import Engine, Precision, Source
from maskstream_model.errors import first_line

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
FILE: Final = "engine.pt2"
OPTIONS: Final = {
    # TF32 moves mask logits far enough to change attention masks.
    "disable_tf32": True,
    "truncate_double": True,
    # By default a mask of attention with as many queries as keys is replaced by a causal one.
    "attn_bias_is_causal": False,
    # Its converter of `gather` works for batches of any size, and is not marked so: without this
    # each of the four corners of deformable sampling would be left to torch.
    "assume_dynamic_shape_support": True,
    # One engine, or an error: between two engines the host waits.
    "require_full_compilation": True,
}


def obstacle(device: torch.device) -> str | None:
    """See `Backend`."""
    try:
        import_module("torch_tensorrt")
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "torch_tensorrt":
            return "torch-tensorrt is not installed: pip install 'maskstream[tensorrt]'"
        # Without its libraries or a GPU the import raises errors of any class, also bare Exception.
        return f"torch-tensorrt cannot be imported here: {first_line(error)}"
    if device.type != "cuda":
        return f"TensorRT needs a model on a CUDA device, not on {device}"
    return None


def versions() -> str:
    """See `Backend`."""
    import tensorrt
    import torch_tensorrt

    return f"torch-tensorrt {torch_tensorrt.__version__}, TensorRT {tensorrt.__version__}"


def build(source: Source, folder: Path) -> str:
    """See `Backend`. Returns how many engines there are; more than one cost waits between them."""
    import torch_tensorrt

    inputs = _ranges(source)
    compiled = torch_tensorrt.dynamo.compile(
        source.program(), arg_inputs=inputs, device=source.device, **OPTIONS
    )
    torch_tensorrt.save(compiled, str(folder / FILE), arg_inputs=inputs)
    return f"{_num_engines(compiled)} TensorRT engines"


def load(source: Source, folder: Path) -> Engine:
    """See `Backend`."""
    import torch_tensorrt

    engine: Engine = torch_tensorrt.load(str(folder / FILE)).module()
    return engine


def _ranges(source: Source) -> Sequence[Any]:
    """Return the shapes that an engine takes, tuned for the largest batch."""
    return [_range(each) for each in source.largest] if source.max_batch > 1 else source.largest


def _range(largest: Tensor) -> Any:
    import torch_tensorrt

    shape, full = tuple(largest.shape[1:]), tuple(largest.shape)
    return torch_tensorrt.Input(min_shape=(1, *shape), opt_shape=full, max_shape=full)


def _num_engines(compiled: nn.Module) -> int:
    """Return how many parts of a compiled graph are engines, by torch-tensorrt's names."""
    return sum("_run_on_acc" in name for name, _ in compiled.named_children())
