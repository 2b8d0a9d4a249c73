"""What the refiner's networks do, whatever their weights (docs/model.md 4, points 5 and 6)."""

import pytest
import torch

from maskstream_model.config import RefinerConfig, SegmenterConfig
from maskstream_model.daq.refiner import TemporalRefiner

NUM_ROWS, NUM_FRAMES, DIM, NUM_QUERIES, NUM_CLASSES = 5, 7, 32, 6, 3
NEAR = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(params=[False, True], ids=["plain", "local"])
def refiner(request):
    torch.manual_seed(0)
    config = RefinerConfig(2, 4, 64, local_attention=request.param)
    with torch.no_grad():
        yield TemporalRefiner(SegmenterConfig(hidden_dim=DIM), config, NUM_CLASSES).eval()


@pytest.fixture
def clip():
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(NUM_ROWS, NUM_FRAMES, DIM, generator=generator)
    return rows, torch.randn(NUM_FRAMES, NUM_QUERIES, DIM, generator=generator)


def refined(refiner, rows, embeddings):
    return refiner.predict(refiner.decode(rows, embeddings)[-1])


def test_only_local_attention_knows_the_order_of_frames(refiner, clip):
    rows, embeddings = clip
    order = torch.randperm(NUM_FRAMES, generator=torch.Generator().manual_seed(2))
    ours, moved = (
        refined(refiner, rows, embeddings),
        refined(refiner, rows[:, order], embeddings[order]),
    )
    masks = torch.allclose(ours.mask_embeddings[:, order], moved.mask_embeddings, **NEAR)
    assert masks == torch.allclose(ours.logits, moved.logits, **NEAR) == (not refiner.conv_norms)


def test_the_order_of_rows_means_nothing(refiner, clip):
    rows, embeddings = clip
    order = torch.randperm(NUM_ROWS, generator=torch.Generator().manual_seed(2))
    ours, moved = (
        refined(refiner, rows, embeddings),
        refined(refiner, rows[order], embeddings),
    )
    torch.testing.assert_close(ours.mask_embeddings[order], moved.mask_embeddings, **NEAR)
    torch.testing.assert_close(ours.logits[order], moved.logits, **NEAR)


def test_the_future_changes_the_past(refiner, clip):
    rows, embeddings = clip
    other = rows.clone()
    other[:, -1] += 1
    changed = (
        refined(refiner, rows, embeddings).mask_embeddings
        - refined(refiner, other, embeddings).mask_embeddings
    )
    assert (changed[:, 0].abs().amax(-1) > 1e-4).all()


def test_one_frame_is_a_clip(refiner, clip):
    rows, embeddings = clip
    only = refined(refiner, rows[:, :1], embeddings[:1])
    assert only.logits.shape == (NUM_ROWS, NUM_CLASSES + 1)
    assert only.mask_embeddings.shape == (NUM_ROWS, 1, DIM)


def test_masks_are_products_with_the_features_of_their_frame(refiner, clip):
    result, features = refined(refiner, *clip), torch.randn(DIM, 4, 6)
    rows = torch.tensor([3, 0])
    expected = result.mask_embeddings[rows, 2] @ features.flatten(1)
    torch.testing.assert_close(result.segment(2, features, rows), expected.view(2, 4, 6))
