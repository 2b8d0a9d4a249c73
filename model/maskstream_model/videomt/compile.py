"""A faster network for VidEoMT: exported, compiled and compared with eager (`engines.py`)."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.export import ExportedProgram

from maskstream_model.aliases import Size
from maskstream_model.backbones.vit import PATCH
from maskstream_model.compilers import COMPILERS, Compiler, MakeCompiler
from maskstream_model.engines import check_pictures, compiled_or_eager, export, proven_engine
from maskstream_model.families import CompileRequest
from maskstream_model.videomt.compiled import CompiledNetwork
from maskstream_model.videomt.model import VideomtModel
from maskstream_model.videomt.network import VideomtNetwork

NAMES = ("logits", "mask_logits", "queries")


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
    return export(fixed, NAMES, _largest(network, size, max_batch), "network")


def compile_model(
    model: VideomtModel,
    request: CompileRequest,
    compilers: Mapping[str, MakeCompiler] = COMPILERS,
) -> tuple[VideomtModel, str | None]:
    """Return the model with a compiled network, or as it is with the reason why not.

    The arguments are those of `engines.compiled_or_eager`.
    """
    network = model.network
    if isinstance(network, CompiledNetwork):
        network = network.network
    size = model.batch_key(*request.frame_size)

    def compiled(compiler: Compiler) -> VideomtModel:
        return model.with_network(compile_network(network, size, compiler, request.max_batch))

    return compiled_or_eager("network", model, request.backend, compilers, compiled)


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
    engine = proven_engine(program, compiler, checks, network, NAMES)
    return CompiledNetwork(network, engine, tuple(images.shape))


def _largest(network: VideomtNetwork, size: Size, max_batch: int) -> tuple[Tensor, Tensor]:
    queries = network.first_queries()
    images = torch.zeros(max_batch, 3, *size, device=queries.device)
    return images, queries.expand(max_batch, -1, -1).contiguous()
