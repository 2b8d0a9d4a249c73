"""Video Swin Transformer, with the names of the released files (docs/model.md 13.1)."""

from torch import Tensor, nn

from maskstream_model.aliases import Pause
from maskstream_model.backbones.mlp import GeluMLP
from maskstream_model.backbones.swin import PATCH, PatchMerging
from maskstream_model.sgmg.config import VideoConfig
from maskstream_model.sgmg.video_windows import VideoWindowAttention

MLP_RATIO = 4


class PatchEmbed(nn.Module):
    """Patches of 4x4 pixels of each frame become normalised tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        patch = (1, PATCH, PATCH)
        self.proj = nn.Conv3d(3, width, patch, patch)
        self.norm = nn.LayerNorm(width)

    def forward(self, images: Tensor) -> Tensor:
        """Map `(T, 3, height, width)` to `(T, height / 4, width / 4, C)`."""
        # (T, 3, H, W) -> (1, 3, T, H, W) -> (1, C, T, h, w) -> (T, h, w, C)
        cells = self.proj(images.transpose(0, 1)[None])[0].permute(1, 2, 3, 0)
        tokens: Tensor = self.norm(cells)
        return tokens


class VideoSwinBlock(nn.Module):
    """Window attention and a feed-forward network, each normalised before and added after."""

    def __init__(self, config: VideoConfig, stage: int, shifted: bool) -> None:
        super().__init__()
        width = config.widths[stage]
        self.shifted = shifted
        self.norm1 = nn.LayerNorm(width)
        self.attn = VideoWindowAttention(width, config.heads[stage], config.window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = GeluMLP(width, MLP_RATIO * width)

    def forward(self, grid: Tensor) -> Tensor:
        """Return the new tokens `(B, T, height, width, C)`."""
        grid = grid + self.attn(self.norm1(grid), self.shifted)
        mixed: Tensor = grid + self.mlp(self.norm2(grid))
        return mixed


class VideoSwinStage(nn.Module):
    """Blocks of one stride; every second one is shifted."""

    def __init__(self, config: VideoConfig, stage: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            VideoSwinBlock(config, stage, index % 2 == 1) for index in range(config.depths[stage])
        )

    def forward(self, grid: Tensor, pause: Pause | None = None) -> Tensor:
        """Return the new tokens `(B, T, height, width, C)`."""
        for block in self.blocks:
            grid = block(grid)
            if pause is not None:
                pause()
        return grid


class VideoSwin(nn.Module):
    """Patches and four stages; strides 4, 8, 16 and 32. Time is not divided."""

    def __init__(self, config: VideoConfig) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(config.embed)
        self.layers = nn.ModuleList(VideoSwinStage(config, stage) for stage in range(4))
        self.downsamples = nn.ModuleList(map(PatchMerging, config.widths[:-1]))

    def forward(self, images: Tensor, clips: int = 1, pause: Pause | None = None) -> list[Tensor]:
        """Return the maps of four strides, `(B * T, width, height / stride, width / stride)`.

        Args:
            images: `(B * T, 3, height, width)`, clip by clip, normalised; sides multiples of 16.
            clips: `B`, of as many frames each; frames of two do not meet.
            pause: called between blocks.
        """
        grid, maps = self.patch_embed(images), []
        for stage, layer in enumerate(self.layers):
            if stage:
                grid = self.downsamples[stage - 1](grid)
            grid = layer(grid.unflatten(0, (clips, -1)), pause).flatten(0, 1)
            maps.append(grid.permute(0, 3, 1, 2).contiguous())  # (T, h, w, C) -> (T, C, h, w)
        return maps
