"""The temporal refiner of the offline model: networks only (docs/model.md 4, points 5 and 6).

Rows are sequences of embeddings, one per frame. Without local attention nothing tells the refiner
the order of the frames: permuted frames give permuted masks and the same classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from maskstream_model.config import RefinerConfig, SegmenterConfig
from maskstream_model.mask2former.attention import (
    MLP,
    CrossAttentionLayer,
    FFNLayer,
    SelfAttentionLayer,
)


@dataclass(frozen=True)
class RefinedRows:
    """What the refiner says of `R` rows over `T` frames, after one layer.

    Attributes:
        logits: `(R, K + 1)`, one class for the whole clip.
        mask_embeddings: `(R, T, C)`, to be multiplied with the mask features of their frames.
    """

    logits: Tensor
    mask_embeddings: Tensor

    def segment(self, time: int, mask_features: Tensor, rows: Tensor) -> Tensor:
        """Return mask logits `(M, H, W)` of `rows (M,)` on one frame, features `(C, H, W)`."""
        # (M, C) and (C, H, W) -> (M, H, W)
        return torch.einsum("rc,chw->rhw", self.mask_embeddings[rows, time], mask_features)


class TemporalRefiner(nn.Module):
    """Rows look along time, at each other and at the frame; names are those below `refiner.`."""

    def __init__(
        self, segmenter: SegmenterConfig, refiner: RefinerConfig, num_classes: int
    ) -> None:
        super().__init__()
        dim, heads, layers = segmenter.hidden_dim, refiner.num_heads, range(refiner.num_layers)
        self.transformer_obj_self_attention_layers = nn.ModuleList(
            SelfAttentionLayer(dim, heads) for _ in layers
        )
        self.transformer_time_self_attention_layers = nn.ModuleList(
            SelfAttentionLayer(dim, heads) for _ in layers
        )
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttentionLayer(dim, heads) for _ in layers
        )
        self.transformer_ffn_layers = nn.ModuleList(FFNLayer(dim, refiner.ffn_dim) for _ in layers)
        local = layers if refiner.local_attention else range(0)
        self.conv_short_aggregate_layers = nn.ModuleList(_convolutions(dim) for _ in local)
        self.conv_norms = nn.ModuleList(nn.LayerNorm(dim) for _ in local)
        self.decoder_norm = nn.LayerNorm(dim)
        self.class_embed = nn.Linear(dim, num_classes + 1)
        self.mask_embed = MLP(dim, dim, dim)
        self.activation_proj = nn.Linear(dim, 1)

    def decode(self, rows: Tensor, embeddings: Tensor) -> list[Tensor]:
        """Return states `(R, T, C)` before the first and after every layer.

        Args:
            rows: `(R, T, C)`, padded in time and in rows; padding is not masked.
            embeddings: `(T, Q, C)` of the segmenter.
        """
        states = [rows]
        for index in range(self.num_layers):
            states.append(self.layer(index, states[-1], embeddings))
        return states

    @property
    def num_layers(self) -> int:
        """Of `layer`."""
        return len(self.transformer_ffn_layers)

    def layer(self, index: int, state: Tensor, embeddings: Tensor) -> Tensor:
        """Return the state `(R, T, C)` after one more layer."""
        # Rows look along time as (R, T, C), at each other and at the frame as (T, R, C).
        state = self._along_time(index, state).transpose(0, 1)  # (T, R, C)
        state = self.transformer_obj_self_attention_layers[index](state)
        state = self.transformer_cross_attention_layers[index](state, embeddings, embeddings)
        refined: Tensor = self.transformer_ffn_layers[index](state).transpose(0, 1)
        return refined

    def _along_time(self, index: int, state: Tensor) -> Tensor:
        state = self.transformer_time_self_attention_layers[index](state)
        if len(self.conv_norms):
            # (R, T, C) -> (R, C, T) for the convolution over time, and back
            near = self.conv_short_aggregate_layers[index](state.transpose(1, 2)).transpose(1, 2)
            state = self.conv_norms[index](state + near)
        return state

    def predict(self, state: Tensor) -> RefinedRows:
        """Return classes and mask embeddings of a state `(R, T, C)`."""
        state = self.decoder_norm(state)
        shares = self.activation_proj(state).softmax(1)  # (R, T, 1), of the frames
        return RefinedRows(self.class_embed((shares * state).sum(1)), self.mask_embed(state))


def _convolutions(dim: int) -> nn.Sequential:
    """Two convolutions over time; the clip's ends are repeated."""
    return nn.Sequential(
        nn.Conv1d(dim, dim, 5, padding="same", padding_mode="replicate"),
        nn.ReLU(inplace=True),
        nn.Conv1d(dim, dim, 3, padding="same", padding_mode="replicate"),
    )
