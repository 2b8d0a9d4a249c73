"""A segmenter with an engine for one size of pictures; `compile.py` beside it makes it."""

from torch import Tensor, nn

from maskstream_model.aliases import Pause
from maskstream_model.compilers import CompiledEngine
from maskstream_model.mask2former.segmenter import Segmenter, SegmenterOutput


class CompiledSegmenter(nn.Module):
    """Called like a `Segmenter`; pictures of another size, or too many of them, run eagerly.

    Args:
        segmenter: eager.
        engine: from pictures to the four tensors of a `SegmenterOutput`, in its order.
        largest: shape of the largest batch that the engine takes.
    """

    def __init__(
        self, segmenter: Segmenter, engine: CompiledEngine, largest: tuple[int, ...]
    ) -> None:
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
        # Engines are built for the usual order in memory.
        return SegmenterOutput(*self.engine(images.contiguous()))


AnySegmenter = Segmenter | CompiledSegmenter
"""What online models call."""
