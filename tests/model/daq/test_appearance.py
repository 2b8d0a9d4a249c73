"""Pooling and momentum against their formulas written out plainly."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from maskstream_model.daq.appearance import pool, similarity, update_momentum


def random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_pooling_takes_the_mean_inside_the_mask():
    masks, features = random(0, 2, 5, 6, 7), random(1, 2, 4, 6, 7)
    pooled = pool(masks, features)
    for frame in range(2):
        for mask in range(5):
            expected = features[frame][:, masks[frame, mask] > 0].mean(1)
            torch.testing.assert_close(pooled[frame, mask], expected)


def test_an_empty_mask_has_no_appearance():
    assert not pool(-torch.ones(1, 1, 3, 3), random(0, 1, 4, 3, 3)).any()


def test_a_logit_of_zero_is_outside():
    masks = torch.tensor([[[[0.0, 1.0]]]])
    assert pool(masks, torch.tensor([[[[5.0, 7.0]]]])).item() == 7.0


def plain_momentum(appearances, window):
    """docs/model.md 3.4 for one track, with a list that grows."""
    position = appearances[0]
    for time, appearance in enumerate(appearances[1:], 1):
        earlier = appearances[max(0, time - window) : time]
        cosines = [torch.cosine_similarity(appearance, old, dim=0) for old in earlier]
        beta = max(0.0, float(sum(cosines) / len(cosines)))
        position = (1 - beta) * position + beta * appearance
    return position


@given(st.integers(1, 14), st.integers(1, 5), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_the_ring_gives_what_the_growing_list_gives(num_frames, window, seed):
    appearances = random(seed, num_frames, 2, 6) + 0.5
    positions, history = torch.zeros(2, 6), torch.zeros(2, window, 6)
    for time in range(num_frames):
        counts = torch.full((2,), time)
        positions, history = update_momentum(positions, history, counts, appearances[time])
    for track in range(2):
        expected = plain_momentum(appearances[:, track], window)
        torch.testing.assert_close(positions[track], expected, rtol=1e-4, atol=1e-5)


def test_an_opposite_appearance_leaves_the_momentum_where_it_is():
    position = random(0, 1, 6)
    history = position[:, None].clone()
    moved, ring = update_momentum(position, history, torch.tensor([1]), -position)
    assert torch.equal(moved, position)
    assert torch.equal(ring[:, 0], -position)


def test_no_history_means_no_similarity():
    assert similarity(random(0, 3, 6), torch.zeros(3, 4, 6), torch.zeros(3).long()).tolist() == [
        0.0,
        0.0,
        0.0,
    ]
