"""A faster segmenter for DVIS-DAQ: exported, compiled and compared with eager (`engines.py`)."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from maskstream_model.backbones.resnet import fold_batch_norm
from maskstream_model.compilers import COMPILERS, Compiler, MakeCompiler
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.engines import check_pictures, export, proven_engine
from maskstream_model.errors import CompileError
from maskstream_model.families import CompileRequest
from maskstream_model.mask2former.compiled import CompiledSegmenter
from maskstream_model.mask2former.segmenter import Segmenter

NAMES = ("embeddings", "logits", "mask_logits", "mask_features")


class _Outputs(nn.Module):
    """The segmenter with a plain tuple as its output, in the order of `NAMES`."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        output = self.segmenter(images)
        return tuple(getattr(output, name) for name in NAMES)


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
    module = _Outputs(fold_batch_norm(copy.deepcopy(segmenter))).eval()
    largest = torch.zeros(max_batch, 3, height, width, device=segmenter.query_features.device)
    return export(module, [largest], "segmenter")


def compile_model(
    model: OnlineDaq,
    request: CompileRequest,
    compilers: Mapping[str, MakeCompiler] = COMPILERS,
) -> tuple[OnlineDaq, str | None]:
    """Return the model with a compiled segmenter, or as it is with the reason why not.

    Args:
        model: left as it is.
        request: which of the compilers, and what for.
        compilers: by name.

    Returns:
        the model to use (weights are shared, fingerprint and states are the same), and None or
        one sentence.
    """
    segmenter = model.segmenter
    if isinstance(segmenter, CompiledSegmenter):
        segmenter = segmenter.segmenter
    size = model.batch_key(*request.frame_size)
    try:
        # A compiler that is not here is found out before the seconds of an export.
        compiler = compilers[request.backend](model.device)
        compiled = compile_segmenter(segmenter, size, compiler, request.max_batch)
    except CompileError as error:
        return model, f"The segmenter runs eagerly: {error}."
    return model.with_segmenter(compiled), None


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
    engine = proven_engine(program, compiler, checks, _Outputs(segmenter), NAMES)
    return CompiledSegmenter(segmenter, engine, tuple(largest.shape))
