"""A faster frame encoder for GenVIS: exported, compiled and compared with eager (`engines.py`)."""

from collections.abc import Mapping

import torch

from maskstream_model.aliases import Size
from maskstream_model.compilers import COMPILERS, Compiler, MakeCompiler
from maskstream_model.engines import check_pictures, compiled_or_eager, export, proven_engine
from maskstream_model.families import CompileRequest
from maskstream_model.genvis.compiled import CompiledEncoder
from maskstream_model.genvis.frames import FrameEncoder
from maskstream_model.genvis.model import GenvisModel

NAMES = ("queries", "mask_features")


def compile_model(
    model: GenvisModel,
    request: CompileRequest,
    compilers: Mapping[str, MakeCompiler] = COMPILERS,
) -> tuple[GenvisModel, str | None]:
    """Return the model with a compiled encoder, or as it is with the reason why not.

    The module of clips stays eager: it is small, and clips and memories differ in length. The
    arguments are those of `engines.compiled_or_eager`.
    """
    encoder = model.encoder
    if isinstance(encoder, CompiledEncoder):
        encoder = encoder.encoder
    size = model.batch_key(*request.frame_size)

    def compiled(compiler: Compiler) -> GenvisModel:
        return model.with_encoder(
            compile_encoder(encoder, size, compiler, model.device, request.max_batch)
        )

    return compiled_or_eager("encoder", model, request.backend, compilers, compiled)


@torch.no_grad()
def compile_encoder(
    encoder: FrameEncoder,
    size: Size,
    compiler: Compiler,
    device: torch.device,
    max_batch: int = 1,
) -> CompiledEncoder:
    """Return an encoder that computes the same, compiled for pictures of `size`.

    Args:
        encoder: eager.
        size: padded `(height, width)`.
        compiler: what compiles.
        device: that the encoder is on.
        max_batch: most pictures at once.

    Raises:
        CompileError: the compiler failed, or returned an engine that differs.
    """
    largest = torch.zeros(max_batch, 3, *size, device=device)
    program = export(encoder, NAMES, [largest], "encoder")
    checks = [[pictures] for pictures in check_pictures(largest)]
    engine = proven_engine(program, compiler, checks, encoder, NAMES)
    return CompiledEncoder(encoder, engine, tuple(largest.shape))
