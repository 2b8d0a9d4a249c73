"""A faster segmenter for models that have one: exported, compiled, compared with eager."""

import copy
from collections.abc import Mapping
from typing import Protocol, Self, TypeVar

import torch
from torch.export import ExportedProgram

from maskstream_model.aliases import Size
from maskstream_model.backbones.resnet import fold_batch_norm
from maskstream_model.compilers import COMPILERS, Compiler, MakeCompiler
from maskstream_model.engines import check_pictures, compiled_or_eager, export, proven_engine
from maskstream_model.families import CompileRequest
from maskstream_model.mask2former.compiled import AnySegmenter, CompiledSegmenter
from maskstream_model.mask2former.segmenter import Segmenter

NAMES = ("embeddings", "logits", "mask_logits", "mask_features")


def export_segmenter(
    segmenter: Segmenter, height: int, width: int, max_batch: int = 1
) -> ExportedProgram:
    """Return the graph of `segmenter` for one picture size, its norms folded away.

    Args:
        segmenter: left as it is.
        height: of the padded pictures, a multiple of 32.
        width: likewise.
        max_batch: 1 gives a graph for one picture; more gives one for 1 to `max_batch`.

    Returns:
        a program from `(B, 3, height, width)` to the tensors `NAMES`.

    Raises:
        CompileError: the graph could not be captured.
    """
    folded = fold_batch_norm(copy.deepcopy(segmenter))
    largest = torch.zeros(max_batch, 3, height, width, device=segmenter.query_features.device)
    return export(folded, NAMES, [largest], "segmenter")


class HasSegmenter(Protocol):
    """A model of any family with Mask2Former inside."""

    device: torch.device
    segmenter: AnySegmenter

    def batch_key(self, height: int, width: int) -> Size:
        """Return the size of such a frame in the network."""
        ...

    def with_segmenter(self, segmenter: AnySegmenter) -> Self:
        """Return this model with another segmenter of the same weights."""
        ...


Model = TypeVar("Model", bound=HasSegmenter)


def compile_model(
    model: Model,
    request: CompileRequest,
    compilers: Mapping[str, MakeCompiler] = COMPILERS,
) -> tuple[Model, str | None]:
    """Return the model with a compiled segmenter, or as it is with the reason why not.

    The arguments are those of `engines.compiled_or_eager`.
    """
    segmenter = model.segmenter
    if isinstance(segmenter, CompiledSegmenter):
        segmenter = segmenter.segmenter
    size = model.batch_key(*request.frame_size)

    def compiled(compiler: Compiler) -> Model:
        return model.with_segmenter(compile_segmenter(segmenter, size, compiler, request.max_batch))

    return compiled_or_eager("segmenter", model, request.backend, compilers, compiled)


@torch.no_grad()
def compile_segmenter(
    segmenter: Segmenter, size: tuple[int, int], compiler: Compiler, max_batch: int = 1
) -> CompiledSegmenter:
    """Return a segmenter that computes the same, compiled for pictures of `size`.

    Args:
        segmenter: on the device that it will run on.
        size: padded `(height, width)`.
        compiler: what compiles.
        max_batch: most pictures at once.

    Raises:
        CompileError: the compiler failed, or returned an engine that differs.
    """
    program = export_segmenter(segmenter, *size, max_batch)
    largest = torch.zeros(max_batch, 3, *size, device=segmenter.query_features.device)
    checks = [[pictures] for pictures in check_pictures(largest)]
    engine = proven_engine(program, compiler, checks, segmenter, NAMES)
    return CompiledSegmenter(segmenter, engine, tuple(largest.shape))
