"""Facts of an MDQE model: its network, its rules and its classes."""

from dataclasses import dataclass, field
from typing import ClassVar

from maskstream_model.config import PresetConfig, Rules
from maskstream_model.config.networks import ResNetConfig, SwinV2Config
from maskstream_model.errors import ConfigError

MATCHED_CLIPS = 15
"""Clips without a match for which a track may still be matched."""


@dataclass(frozen=True)
class NetworkConfig:
    """The network; the defaults are the released ResNet-50 models.

    Attributes:
        backbone: gives maps of strides 4 to 32, of which the last three are read.
        width: `C`, channels of all tokens.
        heads: attention heads of a layer.
        layers: of the encoder, and of the decoder.
        grid: cells along a side of the grid that queries are chosen from; `Q` is its square.
        frames: that temporal attention looks at, a number that the weights are made for.
        search: side of the window, in cells, inside of which a query is looked for on the frames
            beside its own.
        track_width: channels that queries of two frames are compared by.
    """

    backbone: ResNetConfig | SwinV2Config = field(default_factory=ResNetConfig)
    width: int = 256
    heads: int = 8
    layers: int = 6
    grid: int = 14
    frames: int = 4
    search: int = 5
    track_width: int = 64

    @property
    def num_queries(self) -> int:
        """`Q`."""
        return self.grid**2

    @property
    def mask_width(self) -> int:
        """`M`, channels of the mask features."""
        return self.width // 8


@dataclass(frozen=True)
class MdqeRules(Rules):
    """How a model is run (docs/decisions/0092); scores are 0 to 1.

    Attributes:
        clip_frames: `n`, frames that are segmented together; a result is final `n - 1` frames late.
        window_frames: after so many frames the means of pending frames count as one clip.
        instance_score_min: score above which an instance of a clip is kept; twice as much starts a
            track.
        instances_max: instances of a frame; ten times as many queries of a clip are looked at.
        tracks_max: tracks alive at once, the authors' limit.
        max_missed_clips: clips without a match after which a track disappears; None: never, as in
            the authors' code. From `MATCHED_CLIPS` on it can be matched no more, whatever this is.
    """

    OPTIONAL: ClassVar[tuple[str, ...]] = (*Rules.OPTIONAL, "max_missed_clips")

    clip_frames: int = 4
    window_frames: int = 30
    instance_score_min: float = 0.1
    instances_max: int = 15
    tracks_max: int = 120
    max_missed_clips: int | None = MATCHED_CLIPS
    min_size: int | None = 360

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: as of `Rules`, or a window shorter than a clip.
        """
        super().__post_init__()
        if self.window_frames < self.clip_frames:
            raise ConfigError(
                f"window_frames must be at least clip_frames, not {self.window_frames} "
                f"of {self.clip_frames}"
            )


@dataclass(frozen=True)
class MdqeConfig(PresetConfig):
    """All facts of one preset; `network` is what is built."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    online: MdqeRules = field(default=MdqeRules(), kw_only=True)

    @property
    def backbone(self) -> str:
        """See `PresetConfig`."""
        return self.network.backbone.kind
