"""Compilers by name: the one list of what a model may be compiled with.

Names can be had without torch; a compiler is imported when it is asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from maskstream_model.errors import CompileError, first_line

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.export import ExportedProgram

CompiledEngine: TypeAlias = "Callable[..., Sequence[Tensor]]"
"""From the inputs of a program, batches all of them, to its outputs."""
Compiler: TypeAlias = "Callable[[ExportedProgram, Sequence[Tensor]], CompiledEngine]"
"""From a program and its largest inputs to an engine that computes the same."""
MakeCompiler: TypeAlias = "Callable[[torch.device], Compiler]"
"""Raises CompileError where there is no such compiler for a device."""


def tensorrt(device: "torch.device") -> Compiler:
    """Return torch-tensorrt as a compiler, for batches of one up to those of the largest inputs.

    Raises:
        CompileError: torch-tensorrt cannot be imported, or `device` is no CUDA device.
    """
    try:
        import torch_tensorrt
    except Exception as error:
        # Without its libraries or without a GPU it raises whatever it likes, also bare Exception.
        raise CompileError(
            f"torch-tensorrt cannot be imported here: {first_line(error)}"
        ) from error
    if device.type != "cuda":
        raise CompileError("torch-tensorrt needs the model on a CUDA device")

    def compiler(program: "ExportedProgram", largest: "Sequence[Tensor]") -> CompiledEngine:
        # Full float32: TF32 moves mask logits far enough to change attention masks.
        engine: CompiledEngine = torch_tensorrt.dynamo.compile(
            program,
            arg_inputs=[_range(each) for each in largest],
            disable_tf32=True,
            truncate_double=True,
        )
        return engine

    def _range(largest: "Tensor") -> object:
        batch, *shape = largest.shape
        if batch == 1:
            return largest
        return torch_tensorrt.Input(
            min_shape=(1, *shape), opt_shape=(batch, *shape), max_shape=(batch, *shape)
        )

    return compiler


COMPILERS: Mapping[str, MakeCompiler] = {"tensorrt": tensorrt}
EAGER = "eager"
"""The backend that compiles nothing."""
BACKENDS = (EAGER, *COMPILERS)
"""What users may name: of settings, command line and doctor."""
