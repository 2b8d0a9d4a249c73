"""What the tracker networks guarantee to training and batching."""

import pytest
import torch

from maskstream_model.daq.disappearance import match_queries
from maskstream_model.daq.padding import bucket
from maskstream_model.daq.tracker import QueryTracker, TrackedQueries
from maskstream_model.mask2former.segmenter import SegmenterOutput
from support.tiny import tiny_config
from support.tracker_outputs import later_frame

DIM, NUM_QUERIES, GRID = 32, 8, (6, 9)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def tracker():
    config = tiny_config()
    torch.manual_seed(0)
    return QueryTracker(config.segmenter, config.tracker, config.num_classes)


def make_frame(batch=2):
    return SegmenterOutput(
        random(1, batch, NUM_QUERIES, DIM),
        random(2, batch, NUM_QUERIES, 4),
        random(3, batch, NUM_QUERIES, *GRID),
        random(4, batch, DIM, *GRID),
    )


def make_tracks(batch=2, num_tracks=3):
    return TrackedQueries(random(5, batch, num_tracks, DIM), random(6, batch, num_tracks, DIM))


QUERY_FEATURES = random(7, NUM_QUERIES, DIM)


def test_padding_rows_change_nothing(tracker):
    tracked, frame = make_tracks(), make_frame()
    padding = 100 * random(8, 2, 5, DIM)
    padded = TrackedQueries(
        torch.cat([tracked.features, padding], 1),
        torch.cat([tracked.positions, padding], 1),
        torch.tensor([[True] * 3 + [False] * 5] * 2),
    )
    alone, among = (
        later_frame(tracker, tracks, frame, QUERY_FEATURES) for tracks in (tracked, padded)
    )
    for name in ("embeddings", "logits", "mask_logits"):
        values = getattr(among, name)
        real = torch.cat([values[:, :3], values[:, 8:]], 1)
        torch.testing.assert_close(real, getattr(alone, name), **CLOSE)
    torch.testing.assert_close(among.keep_logits[:, :3], alone.keep_logits, **CLOSE)


def test_sessions_of_a_batch_do_not_see_each_other(tracker):
    tracked, frame = make_tracks(), make_frame()
    both = later_frame(tracker, tracked, frame, QUERY_FEATURES)
    second = TrackedQueries(tracked.features[1:], tracked.positions[1:])
    alone = later_frame(tracker, second, frame.frame(1), QUERY_FEATURES)
    torch.testing.assert_close(both.logits[1:], alone.logits, **CLOSE)
    torch.testing.assert_close(both.keep_logits[1:], alone.keep_logits, **CLOSE)


def test_there_may_be_no_tracks(tracker):
    output = later_frame(tracker, make_tracks(num_tracks=0), make_frame(), QUERY_FEATURES)
    assert output.logits.shape == (2, NUM_QUERIES, 4)
    assert output.keep_logits.shape == (2, 0, 4)


def test_tracker_2_does_not_see_blocked_queries_but_tracker_1_does(tracker):
    tracked, frame = make_tracks(), make_frame()
    blocked = torch.zeros(2, NUM_QUERIES, dtype=torch.bool)
    blocked[:, 2] = True
    changed = frame.embeddings.clone()
    changed[:, 2] += 3
    other = SegmenterOutput(changed, frame.logits, frame.mask_logits, frame.mask_features)
    before, after = (
        later_frame(tracker, tracked, f, QUERY_FEATURES, blocked) for f in (frame, other)
    )
    assert torch.equal(before.keep_logits, after.keep_logits)
    assert not torch.allclose(before.logits, after.logits, atol=1e-3)
    unblocked = later_frame(tracker, tracked, frame, QUERY_FEATURES)
    assert not torch.allclose(before.keep_logits, unblocked.keep_logits, atol=1e-4)


def test_blocking_everything_blocks_nothing(tracker):
    tracked, frame = make_tracks(), make_frame()
    everything = torch.ones(2, NUM_QUERIES, dtype=torch.bool)
    blocked = later_frame(tracker, tracked, frame, QUERY_FEATURES, everything)
    free = later_frame(tracker, tracked, frame, QUERY_FEATURES)
    torch.testing.assert_close(blocked.keep_logits, free.keep_logits, **CLOSE)


def test_all_layers_are_predicted_when_asked(tracker):
    output = later_frame(tracker, make_tracks(), make_frame(), QUERY_FEATURES, all_layers=True)
    assert len(output.layers) == 2 + 1
    assert torch.equal(output.layers[-1].logits, output.logits)
    assert torch.equal(output.layers[-1].mask_logits, output.mask_logits)
    assert [layer.logits.shape for layer in output.keep_layers] == [(2, 3 + 2, 4)] * 2
    assert [layer.mask_logits.shape for layer in output.keep_layers] == [(2, 3 + 2, *GRID)] * 2
    assert torch.equal(output.keep_layers[-1].logits[:, :3], output.keep_logits)


def test_every_parameter_learns(tracker):
    output = later_frame(tracker, make_tracks(), make_frame(), QUERY_FEATURES)
    loss = output.logits.square().sum() + output.mask_logits.square().sum()
    (loss + output.keep_logits.square().sum()).backward()
    without = [name for name, p in tracker.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_gradients_reach_the_tracks_of_earlier_frames(tracker):
    tracked = make_tracks()
    tracked.features.requires_grad_()
    later_frame(tracker, tracked, make_frame(), QUERY_FEATURES).logits.sum().backward()
    assert tracked.features.grad.any()


def test_projecting_masks_is_projecting_features(tracker):
    states, features = random(8, 2, 5, DIM), random(9, 2, DIM, *GRID)
    projected = tracker.mask_feature_proj(features)
    embeds = tracker.mask_embed(tracker.decoder_norm(states))
    expected = torch.einsum("brc,bchw->brhw", embeds, projected)
    torch.testing.assert_close(tracker.segment(states, features), expected, **CLOSE)


def test_rows_get_queries_of_their_own_while_there_are_enough():
    rows = random(0, 1, 5, DIM).repeat(1, 2, 1) + 0.01 * random(1, 1, 10, DIM)
    few, many = random(2, 4, DIM), random(2, 40, DIM)
    assert len(match_queries(rows, many).unique()) == 10
    assert len(match_queries(rows, few).unique()) == 4


def test_a_row_without_a_query_of_its_own_takes_the_nearest():
    rows = torch.stack([torch.eye(DIM)[0], torch.eye(DIM)[0] + 0.1 * torch.eye(DIM)[1]])[None]
    queries = torch.eye(DIM)[:1]
    assert match_queries(rows, queries).tolist() == [[0, 0]]


def test_matching_ignores_padding():
    rows, queries = random(0, 2, 6, DIM), random(1, 9, DIM)
    valid = torch.tensor([[True] * 6, [True, True, False, False, True, True]])
    chosen = match_queries(rows, queries, valid)
    alone = match_queries(rows[1:, valid[1]], queries)
    assert torch.equal(chosen[1, valid[1]], alone[0])


@pytest.mark.parametrize(
    ("rows", "size"), [(1, 8), (8, 8), (9, 16), (33, 64), (65, 128), (129, 192), (200, 256)]
)
def test_padded_sizes_are_few(rows, size):
    assert bucket(rows) == size
