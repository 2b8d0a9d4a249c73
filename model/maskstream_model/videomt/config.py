"""Facts of a VidEoMT model: its network, its rules, its classes and its task."""

from dataclasses import dataclass, field

from maskstream_model.config import PresetConfig
from maskstream_model.query_slots.rules import SlotRules


@dataclass(frozen=True)
class NetworkConfig:
    """A DINOv2 vision transformer with queries; the defaults are the released ViT-S.

    Attributes:
        width: `C`, channels of all tokens.
        depth: blocks.
        heads: attention heads of a block.
        query_blocks: the last blocks, in which queries take part.
        num_queries: `Q`.
        grid: (rows, columns) of patches that positions were learned for. In a file the length of
            the table gives the square.
        norm_queries: whether queries are normalised before they go to the next frame.
    """

    width: int = 384
    depth: int = 12
    heads: int = 6
    query_blocks: int = 3
    num_queries: int = 200
    grid: tuple[int, int] = (40, 40)
    norm_queries: bool = False

    @property
    def kind(self) -> str:
        """Description for messages."""
        return f"vit ({self.width} wide, {self.depth} blocks)"


@dataclass(frozen=True)
class VideomtRules(SlotRules):
    """How a model is run (docs/decisions/0073)."""

    min_size: int | None = 448


@dataclass(frozen=True)
class VideomtConfig(PresetConfig):
    """All facts of one preset; `network` is what is built."""

    network: NetworkConfig = NetworkConfig()
    online: VideomtRules = field(default=VideomtRules(), kw_only=True)

    @property
    def backbone(self) -> str:
        """See `PresetConfig`."""
        return self.network.kind
