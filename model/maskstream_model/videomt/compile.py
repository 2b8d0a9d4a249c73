"""A faster network for VidEoMT: exported, compiled and compared with eager (`engines.py`)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from maskstream_model.aliases import Size
from maskstream_model.backbones.vit import PATCH
from maskstream_model.compilers import COMPILERS, Compiler, MakeCompiler
from maskstream_model.engines import check_pictures, export, proven_engine
from maskstream_model.errors import CompileError
from maskstream_model.families import CompileRequest
from maskstream_model.videomt.compiled import CompiledNetwork
from maskstream_model.videomt.model import VideomtModel
from maskstream_model.videomt.network import VideomtNetwork

NAMES = ("logits", "mask_logits", "queries")


class _Outputs(nn.Module):
    """The network with a plain tuple as its output, in the order of `NAMES`."""

    def __init__(self, network: VideomtNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, queries: Tensor) -> tuple[Tensor, ...]:
        output = self.network(images, queries)
        return tuple(getattr(output, name) for name in NAMES)


def export_network(network: VideomtNetwork, size: Size, max_batch: int = 1) -> ExportedProgram:
    """Return the graph of a network for one picture size, in which positions are constants.

    Args:
        network: left as it is.
        size: `(height, width)` of the padded pictures, multiples of 32.
        max_batch: 1 gives a graph for one picture; more gives one for 1 to `max_batch`.

    Returns:
        a program from pictures `(B, 3, *size)` and queries `(B, Q, C)` to the tensors `NAMES`.

    Raises:
        CompileError: the graph could not be captured.
    """
    fixed = network.with_grid(size[0] // PATCH, size[1] // PATCH)
    return export(_Outputs(fixed).eval(), _largest(network, size, max_batch), "network")


def compile_model(
    model: VideomtModel,
    request: CompileRequest,
    compilers: Mapping[str, MakeCompiler] = COMPILERS,
) -> tuple[VideomtModel, str | None]:
    """Return the model with a compiled network, or as it is with the reason why not.

    Args:
        model: left as it is.
        request: which of the compilers, and what for.
        compilers: by name.

    Returns:
        the model to use (weights are shared, fingerprint and states are the same), and None or
        one sentence.
    """
    network = model.network
    if isinstance(network, CompiledNetwork):
        network = network.network
    size = model.batch_key(*request.frame_size)
    try:
        # Before the export, which takes seconds: a missing compiler is reported at once.
        compiler = compilers[request.backend](model.device)
        compiled = compile_network(network, size, compiler, request.max_batch)
    except CompileError as error:
        return model, f"The network runs eagerly: {error}."
    return model.with_network(compiled), None


@torch.no_grad()
def compile_network(
    network: VideomtNetwork, size: Size, compiler: Compiler, max_batch: int = 1
) -> CompiledNetwork:
    """Return a network that computes the same, compiled for pictures of `size`.

    Args:
        network: on the device that it will run on.
        size: padded `(height, width)`.
        compiler: what compiles.
        max_batch: most pictures at once.

    Raises:
        CompileError: the compiler failed, or returned an engine that differs.
    """
    program = export_network(network, size, max_batch)
    images, queries = _largest(network, size, max_batch)
    # Queries of the first frame, and those that it passes to the next.
    checks = [[pictures, queries[: len(pictures)]] for pictures in check_pictures(images)]
    checks.append([checks[0][0], network(*checks[0]).queries])
    engine = proven_engine(program, compiler, checks, _Outputs(network), NAMES)
    return CompiledNetwork(network, engine, tuple(images.shape))


def _largest(network: VideomtNetwork, size: Size, max_batch: int) -> tuple[Tensor, Tensor]:
    queries = network.first_queries()
    images = torch.zeros(max_batch, 3, *size, device=queries.device)
    return images, queries.expand(max_batch, -1, -1).contiguous()
