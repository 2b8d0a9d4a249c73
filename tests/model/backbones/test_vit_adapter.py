"""ViT-Adapter: sizes of its maps, frames that stay apart, positions of any grid."""

import pytest
import torch

from maskstream_model.backbones.vit import VisionTransformer
from maskstream_model.backbones.vit_adapter import VitAdapter, to_cells, to_maps
from maskstream_model.config import VitAdapterConfig
from maskstream_model.mask2former import deformable_attention
from maskstream_model.mask2former.sampling import sample_by_gather, sample_by_grid

SMALL = VitAdapterConfig(
    width=16,
    depth=4,
    heads=2,
    position_grid=5,
    prior_width=4,
    sampling_heads=2,
    adapter_ffn_dim=8,
)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return VitAdapter(SMALL).eval()


def test_maps_have_strides_4_to_32_and_one_width(network):
    with torch.no_grad():
        maps = network(torch.randn(2, 3, 64, 96))
    assert [x.shape[1] for x in maps] == list(SMALL.widths) == [16] * 4
    assert [tuple(x.shape[2:]) for x in maps] == [(16, 24), (8, 12), (4, 6), (2, 3)]


def test_frames_of_a_batch_do_not_see_one_another(network):
    images = torch.randn(3, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        together = network(images)
        for index in range(3):
            alone = network(images[index : index + 1])
            for ours, theirs in zip(together, alone, strict=True):
                torch.testing.assert_close(ours[index : index + 1], theirs, atol=1e-4, rtol=1e-4)


def test_the_last_group_alone_reads_more_than_once(network):
    extra = [hasattr(interaction, "extra_extractors") for interaction in network.interactions]
    assert extra == [False, False, False, True]
    assert len(network.interactions[3].extra_extractors) == 2


@pytest.mark.parametrize("body", [sample_by_grid, sample_by_gather])
def test_the_adapter_reads_the_same_by_every_body_of_sampling(network, body, monkeypatch):
    images = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = network(images)
        monkeypatch.setattr(deformable_attention, "sample_and_weigh", body)
        for ours, theirs in zip(network(images), expected, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_cells_and_maps_are_the_same_numbers():
    maps = [torch.randn(2, 3, 4, 6), torch.randn(2, 3, 2, 3)]
    cells = to_cells(maps)
    assert cells.shape == (2, 30, 3)
    assert torch.equal(cells[1, 6], maps[0][1, :, 1, 0])
    for ours, theirs in zip(to_maps(cells, [(4, 6), (2, 3)]), maps, strict=True):
        assert torch.equal(ours, theirs)


def test_positions_fit_every_grid_and_their_own_grid_exactly():
    transformer = VisionTransformer(SMALL)
    learned = transformer.pos_embed[0, 1:].T.view(1, 16, 5, 5)
    with torch.no_grad():
        for height in range(2, 42, 2):
            size = (height, 44 - height)
            assert tuple(transformer._positions(*size).shape) == (1, 16, *size)
        assert torch.equal(transformer._positions(5, 5), learned)
        transformer.pos_embed.fill_(0.5)
        torch.testing.assert_close(transformer._positions(4, 6), torch.full((1, 16, 4, 6), 0.5))
