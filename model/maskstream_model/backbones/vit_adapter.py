"""Vision transformer with an adapter that feeds the pixel decoder (docs/model.md 2.3).

Beside the transformer run adapter cells of strides 8, 16 and 32. After each quarter of the blocks
they read the transformer's patches by deformable attention; nothing flows back.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.backbones.vit import EPS, VisionTransformer
from maskstream_model.backbones.vit_prior import SpatialPrior
from maskstream_model.config import VitAdapterConfig
from maskstream_model.constants import kept
from maskstream_model.mask2former.deformable_attention import DeformableAttention
from maskstream_model.mask2former.geometry import Geometry, Shapes, geometry

NUM_GROUPS, NUM_LEVELS, NUM_POINTS = 4, 3, 4


class LevelConv(nn.Module):
    """A depthwise 3x3 convolution over the cells of every level."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, cells: Tensor, shapes: Shapes) -> Tensor:
        """Return the new cells `(B, S, C)`; `shapes` has a `(height, width)` per level."""
        return to_cells([self.dwconv(level) for level in to_maps(cells, shapes)])


class ConvFFN(nn.Module):
    """A feed-forward network in which neighbours of a level are mixed."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.dwconv = LevelConv(hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, cells: Tensor, shapes: Shapes) -> Tensor:
        """Map `(B, S, C)` to `(B, S, C)`."""
        mixed: Tensor = self.fc2(F.gelu(self.dwconv(self.fc1(cells), shapes)))
        return mixed


class Extractor(nn.Module):
    """Adapter cells read the patches, then mix; each normalised before and added after."""

    def __init__(self, config: VitAdapterConfig) -> None:
        super().__init__()
        width = config.width
        self.query_norm = nn.LayerNorm(width, EPS)
        self.feat_norm = nn.LayerNorm(width, EPS)
        self.attn = DeformableAttention(width, config.sampling_heads, 1, NUM_POINTS)
        self.ffn_norm = nn.LayerNorm(width, EPS)
        self.ffn = ConvFFN(width, config.adapter_ffn_dim)

    def forward(self, cells: Tensor, patches: Tensor, geometry: Geometry, shapes: Shapes) -> Tensor:
        """Return the new cells `(B, S, C)`.

        Args:
            cells: `(B, S, C)` of strides 8, 16 and 32.
            patches: `(B, S', C)` of stride 16, without the class token.
            geometry: of the cells, which read, and the patches, which are read.
            shapes: `(height, width)` of the cells' three levels.
        """
        query, read = self.query_norm(cells), self.feat_norm(patches)
        cells = cells + self.attn(query, read, geometry)
        mixed: Tensor = cells + self.ffn(self.ffn_norm(cells), shapes)
        return mixed


class Interaction(nn.Module):
    """What the adapter does after a group of blocks: it reads once, or a few times more."""

    def __init__(self, config: VitAdapterConfig, num_extra: int) -> None:
        super().__init__()
        self.extractor = Extractor(config)
        if num_extra:
            self.extra_extractors = nn.ModuleList(Extractor(config) for _ in range(num_extra))

    def forward(self, cells: Tensor, patches: Tensor, geometry: Geometry, shapes: Shapes) -> Tensor:
        """Return the new cells `(B, S, C)`; see `Extractor.forward`."""
        for extractor in (self.extractor, *getattr(self, "extra_extractors", ())):
            cells = extractor(cells, patches, geometry, shapes)
        return cells


class VitAdapter(nn.Module):
    """Transformer, spatial prior and adapter; strides 4, 8, 16 and 32, all of one width."""

    def __init__(self, config: VitAdapterConfig) -> None:
        super().__init__()
        width = config.width
        self.group = config.depth // NUM_GROUPS
        self.heads = config.sampling_heads
        self._geometry = kept(geometry)
        self.level_embed = nn.Parameter(torch.randn(NUM_LEVELS, width))
        self.spm = SpatialPrior(config.prior_width, width)
        extra = [0] * (NUM_GROUPS - 1) + [config.extra_extractors]
        self.interactions = nn.ModuleList(Interaction(config, count) for count in extra)
        self.up = nn.ConvTranspose2d(width, width, 2, 2)
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.BatchNorm2d(width) for _ in range(4))
        self.vit_module = VisionTransformer(config)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the maps res2..res5 `(B, width, height / stride, width / stride)`.

        Args:
            images: `(B, 3, height, width)`, normalised; both sizes multiples of 32.
        """
        finest, *coarser = self.spm(images)
        shapes = tuple((level.shape[2], level.shape[3]) for level in coarser)
        levels = zip(coarser, self.level_embed, strict=True)
        # (B, C, h, w) + (C, 1, 1) for each level
        cells = to_cells([level + embed[:, None, None] for level, embed in levels])
        cells, grids = self._interact(images, cells, shapes)
        maps = to_maps(cells, shapes)
        maps = [self.up(maps[0]) + finest, *maps]
        norms = (self.norm1, self.norm2, self.norm3, self.norm4)
        res2, res3, res4, res5 = (
            norm(x + F.interpolate(grid, x.shape[2:], mode="bilinear", align_corners=False))
            for norm, x, grid in zip(norms, maps, grids, strict=True)
        )
        return res2, res3, res4, res5

    def _interact(
        self, images: Tensor, cells: Tensor, shapes: Shapes
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the adapter's cells, and the patches after each group as `(B, C, h, w)`."""
        # The patches have the second level's size.
        constants = self._geometry(shapes[1:2], shapes, self.heads, NUM_POINTS, images.device)
        tokens, grids = self.vit_module.embed(images), []
        for index, interaction in enumerate(self.interactions):
            for block in self.vit_module.blocks[index * self.group : (index + 1) * self.group]:
                tokens = block(tokens)
            patches = tokens[:, 1:]
            cells = interaction(cells, patches, constants, shapes)
            grids += to_maps(patches, shapes[1:2])
        return cells, grids


def to_cells(maps: Sequence[Tensor]) -> Tensor:
    """Join maps `(B, C, height, width)` as `(B, S, C)`, row by row, one after the other."""
    # (B, C, h, w) -> (B, h * w, C), joined as (B, S, C)
    return torch.cat([level.flatten(2).transpose(1, 2) for level in maps], 1)


def to_maps(cells: Tensor, shapes: Shapes) -> list[Tensor]:
    """Part `(B, S, C)` into maps `(B, C, height, width)` of `shapes`."""
    parts = torch.split(cells, [height * width for height, width in shapes], 1)
    # (B, h * w, C) -> (B, C, h * w) -> (B, C, h, w)
    return [
        part.transpose(1, 2).reshape(*part.shape[::2], *shape)
        for part, shape in zip(parts, shapes, strict=True)
    ]
