"""VidEoMT's network: one vision transformer for pictures and queries (docs/model.md 10.1)."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.aliases import Pause
from maskstream_model.backbones.vit import EPS, PATCH, Block, Patches
from maskstream_model.videomt.config import NetworkConfig

NUM_REGISTERS = 4
NUM_PREFIX = 1 + NUM_REGISTERS
"""Tokens before the patches: the class token and the registers."""


@dataclass(frozen=True)
class VideomtOutput:
    """Output of the network for `B` frames.

    Attributes:
        logits: `(B, Q, K + 1)` of classes; the last is no-object.
        mask_logits: `(B, Q, H, W)` at stride 4.
        queries: `(B, Q, C)`, input of the next frame of each video.
    """

    logits: Tensor
    mask_logits: Tensor
    queries: Tensor

    def frame(self, row: int) -> "VideomtOutput":
        """Return one frame, without the batch axis."""
        return VideomtOutput(self.logits[row], self.mask_logits[row], self.queries[row])


class PictureTransformer(nn.Module):
    """The tokens of a DINOv2 transformer with registers, and its blocks."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, (rows, columns) = config.width, config.grid
        self.grid = config.grid
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.reg_token = nn.Parameter(torch.empty(1, NUM_REGISTERS, width))
        self.pos_embed = nn.Parameter(torch.empty(1, rows * columns, width))
        self.patch_embed = Patches(width)
        self.blocks = nn.ModuleList(Block(width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width, EPS)
        for embedding in (self.cls_token, self.reg_token, self.pos_embed):
            nn.init.trunc_normal_(embedding, std=0.02)

    def embed(self, images: Tensor) -> Tensor:
        """Return tokens `(B, 5 + S, C)`: class, registers, and patches with their positions."""
        cells = self.patch_embed(images)
        patches = (cells + self.positions(cells.shape[2], cells.shape[3])).flatten(2)
        prefix = torch.cat([self.cls_token, self.reg_token], 1)
        # (B, C, S) -> (B, 5 + S, C)
        return torch.cat([prefix.expand(images.shape[0], -1, -1), patches.transpose(1, 2)], 1)

    def positions(self, rows: int, columns: int) -> Tensor:
        """Return the learned positions, resized to a grid: `(1, C, rows, columns)`."""
        # (1, N, C) -> (1, C, N) -> (1, C, *grid)
        table = self.pos_embed.transpose(1, 2).reshape(1, -1, *self.grid)
        if (rows, columns) == self.grid:
            return table
        # With antialias torch takes another cubic kernel, also where it enlarges: this is not
        # the resize of `backbones/vit.py`.
        return F.interpolate(
            table, (rows, columns), mode="bicubic", align_corners=False, antialias=True
        )


class Upscale(nn.Module):
    """Doubles the size: a transposed convolution, then a depthwise one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.ConvTranspose2d(width, width, 2, 2)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.norm = nn.LayerNorm(width, EPS)

    def forward(self, maps: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to `(B, C, 2 H, 2 W)`."""
        maps = self.conv2(F.gelu(self.conv1(maps)))
        # The norm is over the channels of a cell: (B, C, H, W) -> (B, H, W, C) and back.
        normed: Tensor = self.norm(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return normed


class VideomtNetwork(nn.Module):
    """Pictures and the queries of the frames before go in, classes, masks and queries come out.

    Attributes:
        queries: the learned queries, `(Q, C)`, input of a video's first frame.
    """

    def __init__(self, config: NetworkConfig, num_classes: int) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.vit = PictureTransformer(config)
        self.queries = nn.Embedding(config.num_queries, width)
        self.query_updater = nn.Linear(width, width)
        self.class_head = nn.Linear(width, num_classes + 1)
        self.mask_head = nn.Sequential(
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, width),
        )
        self.upscale = nn.Sequential(Upscale(width), Upscale(width))

    def forward(self, images: Tensor, queries: Tensor, pause: Pause | None = None) -> VideomtOutput:
        """Segment the next frame of some videos.

        Args:
            images: `(B, 3, height, width)`, normalised; both sizes multiples of 32.
            queries: `(B, Q, C)` as the frame before gave them; `first_queries` before the first.
            pause: called between blocks.
        """
        tokens = self.vit.embed(images)
        alone = self.config.depth - self.config.query_blocks
        for index, block in enumerate(self.vit.blocks):
            if index == alone:
                tokens = torch.cat([queries, tokens], 1)  # (B, Q + 5 + S, C)
            tokens = block(tokens)
            if pause is not None:
                pause()
        rows, columns = images.shape[2] // PATCH, images.shape[3] // PATCH
        return self._heads(tokens, rows, columns)

    def first_queries(self) -> Tensor:
        """Return the queries for the first frame of a video, `(Q, C)`."""
        return self.queries.weight.detach()

    def with_grid(self, rows: int, columns: int) -> "VideomtNetwork":
        """Return a copy whose positions are those of one grid of patches: nothing is resized."""
        network = copy.deepcopy(self)
        with torch.no_grad():
            positions = self.vit.positions(rows, columns)  # (1, C, rows, columns)
        network.vit.grid = (rows, columns)
        network.vit.pos_embed = nn.Parameter(positions.flatten(2).transpose(1, 2).contiguous())
        return network

    def _heads(self, tokens: Tensor, rows: int, columns: int) -> VideomtOutput:
        count = self.config.num_queries
        raw, normed = tokens[:, :count], self.vit.norm(tokens)
        objects = normed[:, :count]
        # (B, S, C) -> (B, C, S) -> (B, C, rows, columns)
        patches = normed[:, count + NUM_PREFIX :].transpose(1, 2)
        patches = patches.reshape(tokens.shape[0], -1, rows, columns)
        masks = torch.einsum("bqc,bchw->bqhw", self.mask_head(objects), self.upscale(patches))
        carried = objects if self.config.norm_queries else raw
        return VideomtOutput(
            logits=self.class_head(objects),
            mask_logits=masks,
            queries=self.query_updater(carried) + self.queries.weight,
        )
