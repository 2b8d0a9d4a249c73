"""A faster segmenter that must prove itself: export, compile, compare with eager.

The segmenter is exported with `torch.export`, the program is given to a compiler, and what comes
back is run beside eager on fixed pictures before anyone may use it. Compilers for GPUs are known
to return engines that are silently wrong, so that an engine that differs is refused.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from maskstream_model.backbones.resnet import fold_batch_norm
from maskstream_model.compilers import COMPILERS, CompiledEngine, Compiler, MakeCompiler
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.errors import CompileError, first_line
from maskstream_model.families import CompileRequest
from maskstream_model.mask2former.compiled import CompiledSegmenter
from maskstream_model.mask2former.segmenter import Segmenter

NAMES = ("embeddings", "logits", "mask_logits", "mask_features")
MAX_RELATIVE_ERROR = 2e-3
"""Of the root mean square; float32 engines stay below 1e-4, wrong ones are off by 1e-2 and more."""


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
    device = segmenter.query_features.device
    example = torch.zeros(min(max_batch, 2), 3, height, width, device=device)
    shapes = ({0: Dim("batch", min=1, max=max_batch)},) if max_batch > 1 else None
    try:
        with torch.no_grad():
            return torch.export.export(module, (example,), dynamic_shapes=shapes, strict=False)
    except Exception as error:
        raise CompileError(f"the segmenter could not be exported: {first_line(error)}") from error


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
    try:
        engine = compiler(program, largest)
        for images in check_pictures(largest):
            _compare(engine, segmenter, images)
    except CompileError:
        raise
    except Exception as error:
        raise CompileError(f"the compiler failed: {first_line(error)}") from error
    return CompiledSegmenter(segmenter, engine, tuple(largest.shape))


def check_pictures(largest: Tensor) -> list[Tensor]:
    """Return the fixed inputs of the check: noise, and smooth waves, for one and for most."""
    batch, _, height, width = largest.shape
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(batch, 3, height, width, generator=generator)
    small = torch.randn(batch, 3, height // 32 + 2, width // 32 + 2, generator=generator)
    waves = nn.functional.interpolate(small, size=(height, width), mode="bicubic")
    pictures = [noise, waves, waves[:1].contiguous()]
    return [picture.to(largest.device) for picture in pictures]


@torch.no_grad()
def _compare(engine: CompiledEngine, segmenter: Segmenter, images: Tensor) -> None:
    """Raise CompileError unless the engine's outputs are those of eager up to rounding."""
    expected = segmenter(images)
    outputs = list(engine(images))
    if len(outputs) != len(NAMES):
        raise CompileError(f"the engine returns {len(outputs)} tensors instead of {len(NAMES)}")
    for name, ours in zip(NAMES, outputs, strict=True):
        eager = getattr(expected, name)
        if ours.shape != eager.shape:
            raise CompileError(f"{name} of the engine is {tuple(ours.shape)}")
        error = (ours.float() - eager).square().mean().sqrt() / eager.square().mean().sqrt()
        # Not `error > limit`: that is also false for an engine that returns NaN.
        if not error <= MAX_RELATIVE_ERROR:
            raise CompileError(f"{name} of the engine is off by {float(error):.1e} of its size")
