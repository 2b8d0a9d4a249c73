"""Fixed work that stands for the speed of a CPU: what a step's parts are compared with.

A network of torch's own layers with the mix of a small segmenter: convolutions of all kinds, norms,
attention, reads at computed places, and products. None of our code is in it, so that it changes
with the CPU and with torch alone. A product of two matrices alone would not do: with half the
vector width it takes twice as long, and a segmenter does not. Its tensors are small: what the
system takes to hand out memory differs from process to process. After a change here, record anew.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = (96, 176)
"""Of its picture."""
TIMES = 4
"""How often one call of the work runs the network."""
WIDTH, HEADS, QUERIES = 96, 4, 24
READS = 12
"""Of each cell, at computed places."""


def layers_work() -> Callable[[], list[Tensor]]:
    """Return the work, of some tens of milliseconds on one thread."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network, picture = ReferenceNetwork().eval(), torch.rand(1, 3, *SIZE)
    return torch.no_grad()(lambda: [network(picture) for _ in range(TIMES)])


class ReferenceNetwork(nn.Module):
    """From a picture `(1, 3, 96, 176)` to masks `(1, QUERIES, 24, 44)`."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU6(), *_block(32, 24, 2), *_block(24, 40, 2)
        )
        self.deep = nn.Sequential(*_block(40, 80, 2), *_block(80, WIDTH, 1))
        self.encoder = nn.ModuleList(nn.Linear(WIDTH, size) for size in (WIDTH, 256, READS))
        self.back = nn.Linear(256, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.lateral = nn.Conv2d(24, WIDTH, 1)
        self.smooth = nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH, 3, 1, 1), nn.GroupNorm(32, WIDTH), nn.ReLU()
        )
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.queries = nn.Parameter(torch.rand(1, QUERIES, WIDTH))

    def forward(self, picture: Tensor) -> Tensor:
        """Return the masks of a picture."""
        middle = self.backbone[:-BLOCK](picture)  # (1, 24, 24, 44)
        deep = self.deep(self.backbone[-BLOCK:](middle))  # (1, WIDTH, 6, 11)
        cells = deep.flatten(2).transpose(1, 2)  # (1, 66, WIDTH)
        for _ in range(6):
            cells = self._encode(cells)
        above = F.interpolate(
            cells.transpose(1, 2).view_as(deep), middle.shape[-2:], mode="bilinear"
        )
        features = self.smooth(self.lateral(middle) + above)
        queries = self.queries
        for _ in range(6):
            queries = self.norm(queries + self.attention(queries, cells, cells)[0])
        return torch.einsum("bqc,bchw->bqhw", queries, features)

    def _encode(self, cells: Tensor) -> Tensor:
        """Return `cells` after weighed reads of each other, and two products."""
        value, widened, places = (layer(cells) for layer in self.encoder)
        rows = places[0].abs().mul(97).int() % cells.shape[1]  # (66, READS)
        read = F.embedding_bag(rows, value[0], per_sample_weights=places[0].softmax(-1), mode="sum")
        return torch.as_tensor(self.norm(cells + read + self.back(widened.relu())))


BLOCK = 8
"""Layers of `_block`."""


def _block(width: int, out: int, stride: int) -> list[nn.Module]:
    """Return an inverted residual block without its sum: wide, along each channel, narrow."""
    wide = 6 * width
    return [
        *(nn.Conv2d(width, wide, 1), nn.BatchNorm2d(wide), nn.ReLU6()),
        *(nn.Conv2d(wide, wide, 3, stride, 1, groups=wide), nn.BatchNorm2d(wide), nn.ReLU6()),
        *(nn.Conv2d(wide, out, 1), nn.BatchNorm2d(out)),
    ]
