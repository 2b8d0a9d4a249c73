"""Facts of an SgMg model: its networks and its rules."""

from dataclasses import dataclass, field

from maskstream_model.config import PresetConfig, Rules
from maskstream_model.errors import ConfigError

MAX_CHUNK = 36
"""Frames of a chunk of Ref-DAVIS17; more would make clients wait longer than is useful."""


@dataclass(frozen=True)
class VideoConfig:
    """A Video Swin transformer; the defaults are the released Swin-T.

    Attributes:
        embed: channels of the first stage, doubled by every further one.
        depths: blocks of the stages.
        heads: attention heads of the stages.
        window: frames, rows and columns of a window.
    """

    embed: int = 96
    depths: tuple[int, int, int, int] = (2, 2, 6, 2)
    heads: tuple[int, int, int, int] = (3, 6, 12, 24)
    window: tuple[int, int, int] = (8, 7, 7)

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Channels of the stages."""
        return (self.embed, 2 * self.embed, 4 * self.embed, 8 * self.embed)

    @property
    def kind(self) -> str:
        """Description for messages."""
        return f"video_swin ({self.embed} wide, {sum(self.depths)} blocks)"


@dataclass(frozen=True)
class TextConfig:
    """A RoBERTa encoder; the defaults are roberta-base.

    Attributes:
        vocabulary: tokens.
        width: channels.
        depth: layers.
        heads: attention heads.
        hidden: channels inside a feed-forward network.
        positions: rows of the table of positions, of which a text cannot have the first two.
    """

    vocabulary: int = 50265
    width: int = 768
    depth: int = 12
    heads: int = 12
    hidden: int = 3072
    positions: int = 514

    @property
    def max_tokens(self) -> int:
        """Tokens of the longest text."""
        return self.positions - 2


@dataclass(frozen=True)
class NetworkConfig:
    """All of the network; the defaults are the released model with Swin-T.

    Attributes:
        video: what makes features of pixels.
        text: what makes features of texts.
        width: `C`, channels after the projections.
        heads: attention heads.
        hidden: channels inside a feed-forward network.
        layers: of the encoder, and as many of the decoder.
        queries: `Q`, candidates of a frame.
    """

    video: VideoConfig = VideoConfig()
    text: TextConfig = TextConfig()
    width: int = 256
    heads: int = 8
    hidden: int = 2048
    layers: int = 4
    queries: int = 5


@dataclass(frozen=True)
class SgmgRules(Rules):
    """How a model is run (docs/decisions/0093).

    Attributes:
        chunk_frames: frames that are looked at together, 1 to 36; answers wait for the last.
    """

    chunk_frames: int = 8
    min_size: int | None = 360
    report_score_min: float = 0.0

    def __post_init__(self) -> None:
        """Check ranges, as of `Rules`."""
        super().__post_init__()
        if self.chunk_frames > MAX_CHUNK:
            raise ConfigError(f"chunk_frames must be at most {MAX_CHUNK}, not {self.chunk_frames}")


@dataclass(frozen=True)
class SgmgConfig(PresetConfig):
    """All facts of one preset; its classes are the prompts."""

    network: NetworkConfig = NetworkConfig()
    online: SgmgRules = field(default=SgmgRules(), kw_only=True)

    @property
    def backbone(self) -> str:
        """See `PresetConfig`."""
        return self.network.video.kind
