"""A faster segmenter that must prove itself: export, compile, compare with eager.

The segmenter is exported with `torch.export`, the program is given to a compiler, and what comes
back is run beside eager on fixed pictures before anyone may use it. Compilers for GPUs are known
to return engines that are silently wrong, so that an engine that differs is refused.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from maskstream_model.backbones.resnet import fold_batch_norm
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.errors import CompileError
from maskstream_model.interface import Pause
from maskstream_model.mask2former.segmenter import Segmenter, SegmenterOutput

Backend = Literal["eager", "tensorrt"]
Engine = Callable[[Tensor], Sequence[Tensor]]
Compiler = Callable[[ExportedProgram, Tensor], Engine]
"""From a program and its largest input to something that returns the four output tensors."""

NAMES = ("embeddings", "logits", "mask_logits", "mask_features")
MAX_RELATIVE_ERROR = 2e-3
"""Of the root mean square; float32 engines stay below 1e-4, wrong ones are off by 1e-2 and more."""


class CompiledSegmenter(nn.Module):
    """Called like a `Segmenter`; pictures of another size, or too many of them, run eagerly."""

    def __init__(self, segmenter: Segmenter, engine: Engine, largest: tuple[int, ...]) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.engine = engine
        self.largest = largest

    @property
    def query_features(self) -> Tensor:
        """The learned start states of the segment queries, `(Q, C)`."""
        return self.segmenter.query_features

    def forward(self, images: Tensor, pause: Pause | None = None) -> SegmenterOutput:
        """Segment `images (B, 3, height, width)`; see `Segmenter.forward`."""
        batch, *shape = images.shape
        if batch > self.largest[0] or tuple(shape) != self.largest[1:]:
            output: SegmenterOutput = self.segmenter(images, pause)
            return output
        return SegmenterOutput(*self.engine(images))


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
        raise CompileError(f"the segmenter could not be exported: {_brief(error)}") from error


def compile_segmenter(
    segmenter: Segmenter,
    size: tuple[int, int],
    backend: Backend = "tensorrt",
    max_batch: int = 1,
    compiler: Compiler | None = None,
) -> Segmenter | CompiledSegmenter:
    """Return a segmenter that computes the same, compiled for pictures of `size`.

    Args:
        segmenter: on the device that it will run on.
        size: padded `(height, width)`.
        backend: "eager" returns `segmenter` itself.
        max_batch: most pictures at once.
        compiler: what compiles; the backend's own by default.

    Raises:
        CompileError: the backend is not here, failed, or returned an engine that differs.
    """
    if backend == "eager":
        return segmenter
    device = segmenter.query_features.device
    # A compiler that is not here is found out before the seconds of an export.
    compiler = compiler or tensorrt_compiler(device)
    program = export_segmenter(segmenter, *size, max_batch)
    largest = torch.zeros(max_batch, 3, *size, device=device)
    try:
        engine = compiler(program, largest)
        for images in check_pictures(largest):
            _compare(engine, segmenter, images)
    except CompileError:
        raise
    except Exception as error:
        raise CompileError(f"{backend} failed on the segmenter: {_brief(error)}") from error
    return CompiledSegmenter(segmenter, engine, tuple(largest.shape))


def compile_or_eager(
    segmenter: Segmenter,
    size: tuple[int, int],
    backend: Backend,
    max_batch: int = 1,
    compiler: Compiler | None = None,
) -> tuple[Segmenter | CompiledSegmenter, str | None]:
    """Compile, or return `segmenter` itself with one sentence that says why not.

    Returns:
        what to call, and None or the sentence.
    """
    try:
        return compile_segmenter(segmenter, size, backend, max_batch, compiler), None
    except CompileError as error:
        return segmenter, f"The segmenter runs eagerly: {error}."


def compile_model(
    model: OnlineDaq,
    frame_size: tuple[int, int],
    backend: Backend,
    max_batch: int = 1,
    compiler: Compiler | None = None,
) -> tuple[OnlineDaq, str | None]:
    """Return the model with a compiled segmenter, or as it is with the reason why not.

    Args:
        model: left as it is.
        frame_size: `(height, width)` of the frames that will come; others run eagerly.
        backend: what compiles.
        max_batch: most sessions that step together.
        compiler: as for `compile_segmenter`.

    Returns:
        the model to use (weights are shared, fingerprint and states are the same), and None or
        one sentence.
    """
    segmenter = model.segmenter
    if isinstance(segmenter, CompiledSegmenter):
        segmenter = segmenter.segmenter
    size = model.padded_size(*frame_size)
    compiled, reason = compile_or_eager(segmenter, size, backend, max_batch, compiler)
    return (model if reason else model.with_segmenter(compiled)), reason


def tensorrt_compiler(device: torch.device) -> Compiler:
    """Return torch-tensorrt as a compiler, from one picture up to as many as the largest input has.

    Raises:
        CompileError: torch-tensorrt cannot be imported, or `device` is no CUDA device.
    """
    try:
        import torch_tensorrt
    except Exception as error:
        # Without its libraries or without a GPU it raises whatever it likes, also bare Exception.
        raise CompileError(f"torch-tensorrt cannot be imported here: {_brief(error)}") from error
    if device.type != "cuda":
        raise CompileError("torch-tensorrt needs the model on a CUDA device")

    def compiler(program: ExportedProgram, largest: Tensor) -> Engine:
        batch, *shape = largest.shape
        pictures: object = largest
        if batch > 1:
            pictures = torch_tensorrt.Input(
                min_shape=(1, *shape), opt_shape=(batch, *shape), max_shape=(batch, *shape)
            )
        # Full float32: TF32 moves mask logits far enough to change attention masks.
        engine: Engine = torch_tensorrt.dynamo.compile(
            program, arg_inputs=[pictures], disable_tf32=True, truncate_double=True
        )
        return engine

    return compiler


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
def _compare(engine: Engine, segmenter: Segmenter, images: Tensor) -> None:
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


def _brief(error: Exception) -> str:
    """Return the first line of what an exception says, for a sentence."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
