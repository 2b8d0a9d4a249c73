"""A frame encoder with an engine for one size of pictures; `genvis/compile.py` makes it."""

from torch import Tensor, nn

from maskstream_model.aliases import Pause
from maskstream_model.compilers import CompiledEngine
from maskstream_model.genvis.frames import EncodedFrames, FrameEncoder


class CompiledEncoder(nn.Module):
    """Called like a `FrameEncoder`; pictures of another size, or too many of them, run eagerly.

    Args:
        encoder: eager.
        engine: from pictures to the tensors of an `EncodedFrames`, in its order.
        largest: shape of the largest batch that the engine takes.
    """

    def __init__(
        self, encoder: FrameEncoder, engine: CompiledEngine, largest: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.engine = engine
        self.largest = largest

    def forward(self, images: Tensor, pause: Pause | None = None) -> EncodedFrames:
        """See `FrameEncoder.forward`."""
        batch, *shape = images.shape
        if batch > self.largest[0] or tuple(shape) != self.largest[1:]:
            output: EncodedFrames = self.encoder(images, pause)
            return output
        # Engines are built for the usual order in memory.
        return EncodedFrames(*self.engine(images.contiguous()))


AnyEncoder = FrameEncoder | CompiledEncoder
"""What a `GenvisModel` calls."""
