"""Compiled engines that are checked against eager: export, compile, compare.

A network is exported with `torch.export`, the program is given to a compiler, and what comes back
is compared with eager before it is used. Compilers for GPUs are known to return engines that
are silently wrong, so that an engine that differs is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from maskstream_model.compilers import CompiledEngine, Compiler, MakeCompiler
from maskstream_model.errors import CompileError, first_line

MAX_RELATIVE_ERROR = 2e-3
"""Relative to the root mean square; float32 engines stay below 1e-4, wrong ones exceed 1e-2."""
Inputs = Sequence[Tensor]


class OnDevice(Protocol):
    """A model whose networks are on one device."""

    device: torch.device


Model = TypeVar("Model", bound=OnDevice)


def compiled_or_eager(
    what: str,
    model: Model,
    backend: str,
    compilers: Mapping[str, MakeCompiler],
    compiled: Callable[[Compiler], Model],
) -> tuple[Model, str | None]:
    """Return a compiled model, or the model as it is with the reason why not.

    Args:
        what: what is compiled of it, for the sentence.
        model: left as it is.
        backend: name of the compiler.
        compilers: by name.
        compiled: makes the compiled model; weights are shared, fingerprint and states the same.

    Returns:
        the model to use, and None or one sentence.
    """
    try:
        # Before the export, which takes seconds: a missing compiler is reported at once.
        return compiled(compilers[backend](model.device)), None
    except CompileError as error:
        return model, f"The {what} runs eagerly: {error}."


class _Tensors(nn.Module):
    """A network with a plain tuple as its output: the fields of what it returns, by their names."""

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self.names = names

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        output = self.network(*inputs)
        return tuple(getattr(output, name) for name in self.names)


def export(network: nn.Module, names: Sequence[str], largest: Inputs, what: str) -> ExportedProgram:
    """Return the graph of a network for one size of its inputs.

    Args:
        network: from tensors to a dataclass of tensors, all with a batch axis in front.
        names: fields of what it returns, which are the outputs of the graph.
        largest: inputs with the largest batch; of 1 gives a graph for 1, of more one for 1 to that.
        what: what it is, for the sentence of an error.

    Raises:
        CompileError: the graph could not be captured.
    """
    most = len(largest[0])
    examples = tuple(each[: min(most, 2)] for each in largest)
    # One tuple for the one parameter, which takes all inputs.
    shapes = (tuple({0: Dim("batch", min=1, max=most)} for _ in largest),) if most > 1 else None
    module = _Tensors(network, names).eval()
    try:
        with torch.no_grad():
            return torch.export.export(module, examples, dynamic_shapes=shapes, strict=False)
    except Exception as error:
        raise CompileError(f"the {what} could not be exported: {first_line(error)}") from error


def proven_engine(
    program: ExportedProgram,
    compiler: Compiler,
    checks: Sequence[Inputs],
    network: nn.Module,
    names: Sequence[str],
) -> CompiledEngine:
    """Compile a program and compare it with eager.

    Args:
        program: what is compiled.
        compiler: what compiles.
        checks: inputs on which both are run; the first has the largest batch.
        network: eager, computes the reference outputs.
        names: as of `export`.

    Raises:
        CompileError: the compiler failed, or returned an engine that differs.
    """
    eager = _Tensors(network, names)
    try:
        engine = compiler(program, checks[0])
        for inputs in checks:
            _compare(engine(*inputs), eager(*inputs), names)
    except CompileError:
        raise
    except Exception as error:
        raise CompileError(f"the compiler failed: {first_line(error)}") from error
    return engine


def check_pictures(largest: Tensor) -> list[Tensor]:
    """Return the fixed pictures of the check: noise, and smooth waves, for one and a full batch."""
    batch, _, height, width = largest.shape
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(batch, 3, height, width, generator=generator)
    small = torch.randn(batch, 3, height // 32 + 2, width // 32 + 2, generator=generator)
    waves = nn.functional.interpolate(small, size=(height, width), mode="bicubic")
    pictures = [noise, waves, waves[:1].contiguous()]
    return [picture.to(largest.device) for picture in pictures]


def _compare(ours: Sequence[Tensor], expected: Sequence[Tensor], names: Sequence[str]) -> None:
    """Raise CompileError unless the engine's outputs are those of eager up to rounding."""
    if len(ours) != len(names):
        raise CompileError(f"the engine returns {len(ours)} tensors instead of {len(names)}")
    for name, computed, eager in zip(names, ours, expected, strict=True):
        if computed.shape != eager.shape:
            raise CompileError(f"{name} of the engine is {tuple(computed.shape)}")
        error = (computed.float() - eager).square().mean().sqrt() / eager.square().mean().sqrt()
        # Not `error > limit`: that is also false for an engine that returns NaN.
        if not error <= MAX_RELATIVE_ERROR:
            raise CompileError(f"{name} of the engine is off by {float(error):.1e} of its size")
