"""Where the tracker starts: heads of the segmenter, attention that already finds look-alikes.

Not in the paper, whose trackers start at random (`plain_tracker`). With 160k iterations any start
will do; with a few thousand steps it decides. Attention whose query and key weights are equal
compares by similarity, and one that hands on what it read makes the untrained tracker a soft
nearest-neighbour search over segment queries. The layers that could disturb that begin as
identities.
"""

import math

import torch
from torch import Tensor, nn

from maskstream_model.config import ModelConfig
from maskstream_model.daq.disappearance import SlotCrossAttentionLayer
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.mask2former.attention import (
    MLP,
    CrossAttentionLayer,
    FFNLayer,
    MultiheadAttention,
    SelfAttentionLayer,
)
from maskstream_model.mask2former.segmenter import Segmenter, SegmenterOutput

SHARPNESS = 2.0
"""Gain of the rotation by which attention compares: how near the nearest one must be."""
POSITION_SHARE = 0.7
"""Spread of the appearances, as a share of that of the embeddings."""
QUIET = 0.02
"""Factor on what a layer that begins as an identity adds."""


def fresh_tracker(config: ModelConfig, segmenter: Segmenter) -> QueryTracker:
    """Return a tracker for `segmenter`, on its device, started as this module says."""
    device = segmenter.query_features.device
    tracker = QueryTracker(config.segmenter, config.tracker, config.num_classes).to(device)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        _copy_heads(tracker, segmenter)
        for layer in tracker.modules():
            if isinstance(layer, CrossAttentionLayer | SlotCrossAttentionLayer):
                _compare_by_likeness(layer.multihead_attn, generator)
            elif isinstance(layer, SelfAttentionLayer):
                layer.self_attn.out_proj.weight.mul_(QUIET)
            elif isinstance(layer, FFNLayer):
                layer.linear2.weight.mul_(QUIET)
                layer.linear2.bias.zero_()
        _keep_distances(tracker.pos_embed, generator)
        nn.init.normal_(tracker.new_ins_embeds.weight, std=QUIET, generator=generator)
        if tracker.static_anchors is not None:
            nn.init.normal_(tracker.static_anchors.weight, std=QUIET, generator=generator)
    return tracker


def plain_tracker(config: ModelConfig, segmenter: Segmenter) -> QueryTracker:
    """Return a tracker for `segmenter`, on its device, with the layers' own random start."""
    tracker = QueryTracker(config.segmenter, config.tracker, config.num_classes)
    return tracker.to(segmenter.query_features.device)


@torch.no_grad()
def settle_positions(tracker: QueryTracker, frame: SegmenterOutput) -> None:
    """Centre appearances on a batch of frames and give them a spread next to the embeddings'.

    What all appearances share only makes the longest of them win every comparison. Attention
    compares sums of both, so that much less would have no effect and much more would hide the
    embeddings.
    """
    positions = tracker.pool_appearance(frame.mask_logits, frame.mask_features)
    spread = positions.std(1).norm(dim=-1).mean().clamp(min=1e-6)
    factor = POSITION_SHARE * frame.embeddings.std(1).norm(dim=-1).mean() / spread
    last = tracker.pos_embed.layers[-1]
    assert isinstance(last, nn.Linear)
    last.bias.sub_(positions.mean((0, 1))).mul_(factor)
    last.weight.mul_(factor)
    if tracker.static_anchors is not None:
        _place_static_anchors(
            tracker.static_anchors, tracker.pool_appearance(frame.mask_logits, frame.mask_features)
        )


def _place_static_anchors(anchors: nn.Embedding, appearances: Tensor) -> None:
    """Start static anchors where `appearances (B, Q, C)` of a batch lie: the best they can know."""
    seen = appearances.flatten(0, 1)
    chosen = torch.linspace(0, len(seen) - 1, anchors.num_embeddings).long()
    anchors.weight[:, seen.shape[1] :] = seen[chosen]


def _copy_heads(tracker: QueryTracker, segmenter: Segmenter) -> None:
    predictor = segmenter.sem_seg_head.predictor
    for name in ("decoder_norm", "class_embed", "mask_embed"):
        getattr(tracker, name).load_state_dict(getattr(predictor, name).state_dict())
    width = tracker.mask_feature_proj.out_channels
    tracker.mask_feature_proj.weight.copy_(torch.eye(width)[:, :, None, None])
    if tracker.mask_feature_proj.bias is not None:
        tracker.mask_feature_proj.bias.zero_()


def _compare_by_likeness(attention: MultiheadAttention, generator: torch.Generator) -> None:
    """Make query and key weights one rotation, value and output the identity."""
    width = attention.out_proj.out_features
    rotation = torch.empty(width, width)
    nn.init.orthogonal_(rotation, gain=SHARPNESS, generator=generator)
    eye = torch.eye(width)
    attention.in_proj_weight.copy_(torch.cat([rotation, rotation, eye]))
    attention.out_proj.weight.copy_(eye)


def _keep_distances(embed: MLP, generator: torch.Generator) -> None:
    """Make a random map that keeps near things near and lengths about equal."""
    linears = [layer for layer in embed.layers if isinstance(layer, nn.Linear)]
    for linear in linears:
        gain = 1.0 if linear is linears[-1] else math.sqrt(2.0)
        nn.init.orthogonal_(linear.weight, gain, generator)
        linear.bias.zero_()
