"""The segmenter on a tiny configuration: shapes, gradients, and a start fit for training."""

import pytest
import torch

from maskstream_model.daq.presets import preset
from maskstream_model.mask2former.attention import MultiheadAttention
from maskstream_model.mask2former.mask_decoder import MaskDecoder
from maskstream_model.mask2former.positions import sine_positions
from maskstream_model.mask2former.segmenter import Segmenter
from support.tiny import tiny_config

NAMES = ("embeddings", "logits", "mask_logits", "mask_features")


def build(config=None):
    config = config or tiny_config()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Segmenter(config.segmenter, config.num_classes)


def pictures(batch=2, height=64, width=96):
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(1))


def test_outputs_have_the_documented_shapes():
    with torch.no_grad():
        output = build()(pictures())
    shapes = [tuple(getattr(output, name).shape) for name in NAMES]
    assert shapes == [(2, 8, 32), (2, 8, 4), (2, 8, 16, 24), (2, 32, 16, 24)]


def test_every_head_predicts_and_the_last_one_is_the_output():
    with torch.no_grad():
        segmenter = build()
        output, heads = segmenter.all_layers(segmenter.features(pictures()))
    assert len(heads) == 3
    assert torch.equal(heads[-1].logits, output.logits)
    assert torch.equal(heads[-1].mask_logits, output.mask_logits)
    assert not torch.equal(heads[0].logits, heads[1].logits)


def test_a_frame_of_a_batch_is_what_it_is_alone():
    segmenter, images = build().eval(), pictures()
    with torch.no_grad():
        together, alone = segmenter(images).frame(1), segmenter(images[1:])
    for name in NAMES:
        torch.testing.assert_close(
            getattr(together, name), getattr(alone, name), atol=1e-5, rtol=1e-5
        )


def test_training_and_inference_compute_the_same():
    segmenter, images = build().eval(), pictures()
    differentiable = segmenter(images)
    with torch.no_grad():
        plain = segmenter(images)
    assert differentiable.logits.requires_grad
    assert not differentiable.detach().logits.requires_grad
    for name in NAMES:
        ours, theirs = getattr(differentiable, name), getattr(plain, name)
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_losses_on_all_heads_reach_every_parameter_but_the_unused_ones():
    segmenter = build()
    with torch.no_grad():
        # At the start no sampling location depends on positions, and they would learn nothing.
        for parameter in segmenter.parameters():
            parameter.add_(0.05)
    _, heads = segmenter.all_layers(segmenter.features(pictures()))
    sum(head.logits.square().sum() + head.mask_logits.square().sum() for head in heads).backward()
    silent = {n for n, p in segmenter.named_parameters() if p.grad is None or not p.grad.any()}
    assert {name.split(".")[2] for name in silent} == {"reid_embed"}


def test_the_demo_preset_starts_with_outputs_of_moderate_size():
    with torch.no_grad():
        output = build(preset("demo")).eval()(pictures(1))
    assert output.logits.abs().max() < 10
    assert 0.01 < output.mask_logits.std() < 30
    assert output.mask_features.isfinite().all()


def test_a_query_whose_mask_is_empty_looks_everywhere():
    config = tiny_config().segmenter
    decoder = MaskDecoder(config, 3)
    features = torch.ones(1, config.hidden_dim, 8, 8)
    level = decoder._level(0, torch.ones(1, config.hidden_dim, 2, 2), features)
    last = decoder.mask_embed.layers[-1]
    torch.nn.init.zeros_(last.weight)
    for fill, blocked_cells in ((-1.0, 0), (1.0, 0)):
        torch.nn.init.constant_(last.bias, fill)
        assert decoder._blocked(torch.ones(1, 8, config.hidden_dim), level).sum() == blocked_cells
    features[..., :4] = -1
    level = decoder._level(0, torch.ones(1, config.hidden_dim, 2, 2), features)
    blocked = decoder._blocked(torch.ones(1, 8, config.hidden_dim), level)
    assert blocked[0].tolist() == [[True, False, True, False]] * 8


@pytest.mark.parametrize("blocked", [None, "some"])
def test_attention_is_that_of_torch(blocked):
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(16, 4, batch_first=True)
    ours = MultiheadAttention(16, 4)
    ours.load_state_dict(theirs.state_dict())
    query, key, value = torch.randn(2, 5, 16), torch.randn(2, 7, 16), torch.randn(2, 7, 16)
    mask = None
    if blocked:
        mask = torch.rand(2, 5, 7) < 0.4
        mask[..., 0] = False
    repeated = None if mask is None else mask.repeat_interleave(4, 0)
    expected, _ = theirs(query, key, value, attn_mask=repeated)
    torch.testing.assert_close(ours(query, key, value, mask), expected)


def test_positions_depend_on_row_and_column_apart():
    positions = sine_positions(3, 5, 8, torch.device("cpu"))
    assert positions.shape == (8, 3, 5)
    assert (positions[:4] == positions[:4, :, :1]).all()
    assert (positions[4:] == positions[4:, :1]).all()
    # The last row is the angle 2 pi, the last column as well.
    torch.testing.assert_close(positions[:2, -1, 0], torch.tensor([0.0, 1.0]), atol=1e-5, rtol=0)
