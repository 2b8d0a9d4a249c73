"""The two query trackers of DVIS-DAQ: networks only, no memory (docs/model.md 3.1 to 3.3).

Rows of tracker 1 are the tracked queries and one emergence anchor for each segment query. Rows of
tracker 2 are the tracked queries (disappearance anchors) and the background embeddings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from maskstream_model.config import SegmenterConfig, TrackerConfig
from maskstream_model.daq.appearance import pool
from maskstream_model.daq.disappearance import (
    SlotCrossAttentionLayer,
    foreground_scores,
    match_queries,
    open_if_all_blocked,
)
from maskstream_model.mask2former.attention import (
    MLP,
    CrossAttentionLayer,
    FFNLayer,
    SelfAttentionLayer,
)
from maskstream_model.transfers import upload


@dataclass(frozen=True)
class TrackedQueries:
    """Tracks of the frame before, padded to one `N`; padding rows are masked everywhere.

    Attributes:
        features: `(B, N, C)` tracked queries.
        positions: `(B, N, C)` momentum appearances.
        valid: `(B, N)` bool, rows that are no padding; None where all are real.
        starts: `(B, N + S)` int64, the segmenter's query that starts each row of tracker 2; None
            where they are not matched yet.
    """

    features: Tensor
    positions: Tensor
    valid: Tensor | None = None
    starts: Tensor | None = None

    def on(self, device: torch.device) -> "TrackedQueries":
        """Return them on a device, without a wait for it."""
        valid = None if self.valid is None else upload(self.valid, device)
        starts = None if self.starts is None else upload(self.starts, device)
        features, positions = upload(self.features, device), upload(self.positions, device)
        return TrackedQueries(features, positions, valid, starts)

    def slot_rows(self, background: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the rows `(B, N + S, C)` of tracker 2, and which are no padding.

        Args:
            background: `(S, C)`.
        """
        # (S, C) -> (B, S, C)
        background = background.expand(len(self.features), -1, -1)
        rows = torch.cat([self.features, background], 1)
        if self.valid is None:
            return rows, None
        always = self.valid.new_ones(background.shape[:2])
        return rows, torch.cat([self.valid, always], 1)


class QueryTracker(nn.Module):
    """Both trackers and the heads they share; parameter names are those below `tracker.`."""

    def __init__(
        self, segmenter: SegmenterConfig, tracker: TrackerConfig, num_classes: int
    ) -> None:
        super().__init__()
        dim, heads, layers = segmenter.hidden_dim, tracker.num_heads, range(tracker.num_layers)
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttentionLayer(dim, heads) for _ in layers
        )
        self.transformer_self_attention_layers = nn.ModuleList(
            SelfAttentionLayer(dim, heads) for _ in layers
        )
        self.transformer_ffn_layers = nn.ModuleList(FFNLayer(dim, tracker.ffn_dim) for _ in layers)
        self.slot_cross_attention_layers = nn.ModuleList(
            SlotCrossAttentionLayer(dim, heads) for _ in layers
        )
        self.slot_ffn_layers = nn.ModuleList(FFNLayer(dim, tracker.ffn_dim) for _ in layers)
        self.decoder_norm = nn.LayerNorm(dim)
        self.class_embed = nn.Linear(dim, num_classes + 1)
        self.mask_embed = MLP(dim, dim, dim)
        self.mask_feature_proj = nn.Conv2d(dim, dim, 1)
        self.pos_embed = MLP(dim, dim, dim)
        self.new_ins_embeds = nn.Embedding(1, dim)
        self.bg_slots = nn.Embedding(tracker.num_background, dim)
        self.soft_classes = tracker.soft_classes
        count = tracker.static_anchors
        self.static_anchors = nn.Embedding(count, 2 * dim) if count else None

    def decode_first(self, embeddings: Tensor) -> list[Tensor]:
        """Return states `(B, Q, C)` before the first and after every layer of tracker 1."""
        states = [embeddings]
        for cross, own, ffn in self._layers():
            states.append(ffn(own(cross(states[-1], embeddings, embeddings))))
        return states

    def anchors(self, appearances: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and positions of the emergence anchors, `(B, Q, C)` each.

        Dynamic ones share one learned feature, and their positions are the frame's segment
        queries' `appearances (B, Q, C)`. Static ones do not depend on the frame.
        """
        if self.static_anchors is None:
            # (1, C) -> (B, Q, C)
            return self.new_ins_embeds.weight.expand(appearances.shape), appearances
        # (Q, 2 * C) -> (B, Q, 2 * C) -> twice (B, Q, C)
        both = self.static_anchors.weight.expand(len(appearances), -1, -1)
        features, positions = both.chunk(2, -1)
        return features, positions

    def decode(
        self, tracked: TrackedQueries, embeddings: Tensor, appearances: Tensor
    ) -> list[Tensor]:
        """Return states `(B, N + Q, C)` before the first and after every layer of tracker 1.

        Args:
            tracked: the tracks.
            embeddings: `(B, Q, C)` of the segmenter.
            appearances: `(B, Q, C)` of the segment queries: positions of the keys, and of the
                dynamic emergence anchors.
        """
        anchors, places = self.anchors(appearances)
        positions = torch.cat([tracked.positions, places], 1)
        keys = embeddings + appearances
        blocked = None
        if tracked.valid is not None:
            always = torch.ones(places.shape[:2], dtype=torch.bool, device=places.device)
            # (B, N) and (B, Q) -> (B, 1, N + Q)
            blocked = ~torch.cat([tracked.valid, always], 1)[:, None]
        states = [torch.cat([tracked.features, anchors], 1)]
        for cross, own, ffn in self._layers():
            read = cross(states[-1], keys, embeddings, positions)
            states.append(ffn(own(read, blocked=blocked)))
        return states

    def decode_slots(
        self,
        tracked: TrackedQueries,
        embeddings: Tensor,
        query_features: Tensor,
        blocked: Tensor | None = None,
    ) -> list[Tensor]:
        """Return states `(B, N + S, C)` after every layer of tracker 2.

        Args:
            tracked: the tracks; `N` may be 0.
            embeddings: `(B, Q, C)` of the segmenter.
            query_features: `(Q, C)` learned initial queries of the segmenter.
            blocked: `(B, Q)` bool, segment queries hidden from tracker 2; None for none. A row
                in which all are hidden is opened.
        """
        rows, valid = tracked.slot_rows(self.bg_slots.weight)
        background = rows[:, tracked.features.shape[1] :]
        slots = torch.cat([tracked.positions, background], 1)
        starts = tracked.starts
        if starts is None:
            starts = match_queries(rows, query_features, valid)
        state = query_features[starts]  # (Q, C) by indices (B, N + S) -> (B, N + S, C)
        blocked = open_if_all_blocked(blocked)
        states = []
        for cross, ffn in zip(self.slot_cross_attention_layers, self.slot_ffn_layers, strict=True):
            state = ffn(cross(state, embeddings, (rows, slots), blocked, valid))
            states.append(state)
        return states

    def classify(self, states: Tensor) -> Tensor:
        """Return class logits `(B, R, K + 1)` of states `(B, R, C)`."""
        logits: Tensor = self.class_embed(self.decoder_norm(states))
        return logits

    def foreground(self, logits: Tensor) -> Tensor:
        """Return `foreground_scores` of class logits, this tracker's or its segmenter's."""
        return foreground_scores(logits, self.soft_classes)

    def segment(self, states: Tensor, mask_features: Tensor) -> Tensor:
        """Return mask logits `(B, R, H, W)` of states `(B, R, C)`, features `(B, C, H, W)`."""
        # Differs from reference: the 1x1 projection of the features is moved to the side of the
        # masks (the same product in another order), which are far fewer than the pixels.
        embeds: Tensor = self.mask_embed(self.decoder_norm(states))
        # (B, R, C) @ (C, C): the kernel (C, C, 1, 1) without its last axes
        weights = embeds @ self.mask_feature_proj.weight.flatten(1)
        offsets = embeds @ self.mask_feature_proj.get_parameter("bias")
        # (B, R, C) and (B, C, H, W) -> (B, R, H, W); offsets (B, R) -> (B, R, 1, 1)
        return torch.einsum("brc,bchw->brhw", weights, mask_features) + offsets[..., None, None]

    def pool_appearance(self, mask_logits: Tensor, mask_features: Tensor) -> Tensor:
        """Return the appearance of masks `(B, M, H, W)` as positions `(B, M, C)`."""
        positions: Tensor = self.pos_embed(pool(mask_logits, mask_features))
        return positions

    def _layers(self) -> Iterator[tuple[nn.Module, nn.Module, nn.Module]]:
        return zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
