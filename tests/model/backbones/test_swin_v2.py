"""Swin Transformer V2: its maps, its attention by the formula, its table of distances."""

import math

import torch

from maskstream_model.backbones.swin_v2 import CosineAttention, SwinV2, log_distances
from maskstream_model.config.networks import SwinV2Config

SMALL = SwinV2Config(8, (1, 2, 1, 1), (1, 2, 2, 4), window=4, position_width=6, picture=64)


def test_maps_have_the_strides_and_widths_of_the_stages():
    torch.manual_seed(0)
    maps = SwinV2(SMALL)(torch.randn(2, 3, 64, 96))
    shapes = [tuple(each.shape) for each in maps]
    assert shapes == [(2, 8, 16, 24), (2, 16, 8, 12), (2, 32, 4, 6), (2, 64, 2, 3)]


@torch.no_grad()
def test_a_window_attends_by_cosines_and_a_bias_of_the_distance():
    torch.manual_seed(1)
    attention = CosineAttention(6, 2, 2, 5)
    torch.nn.init.normal_(attention.q_bias)
    torch.nn.init.normal_(attention.v_bias)
    attention.logit_scale[1] = 9.0  # more than may be: 100 counts
    grid = torch.randn(1, 2, 2, 6)
    tokens = grid.view(4, 6)
    q = tokens @ attention.qkv.weight[:6].T + attention.q_bias
    k = tokens @ attention.qkv.weight[6:12].T
    v = tokens @ attention.qkv.weight[12:].T + attention.v_bias
    read = torch.zeros(4, 6)
    for head, factor in enumerate((10.0, 100.0)):
        part = slice(3 * head, 3 * head + 3)
        for i in range(4):
            logits = torch.stack(
                [
                    factor * torch.cosine_similarity(q[i, part], k[j, part], 0)
                    + bias(attention, i, j)[head]
                    for j in range(4)
                ]
            )
            read[i, part] = logits.softmax(0) @ v[:, part]
    torch.testing.assert_close(attention(grid, 0).view(4, 6), attention.proj(read))


def bias(attention, i, j):
    """The bias of each head for two cells of a window of 2 x 2."""
    row, column = i // 2 - j // 2, i % 2 - j % 2
    table = attention.cpb_mlp(attention.relative_coords_table)[0]
    return 16 * table[row + 1, column + 1].sigmoid()


def test_distances_are_on_a_scale_of_logarithms():
    table = log_distances(4)
    assert table.shape == (1, 7, 7, 2)
    assert table[0, 3, 3].tolist() == [0, 0]
    edge = math.log2(9) / 3
    torch.testing.assert_close(table[0, 0, 6], torch.tensor([-edge, edge]))
