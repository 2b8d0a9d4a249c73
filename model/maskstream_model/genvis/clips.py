"""The clip module: slots read the frames of a clip and their own past (docs/model.md 15.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from maskstream_model.genvis.config import ClipConfig
from maskstream_model.mask2former.attention import (
    MLP,
    CrossAttentionLayer,
    FFNLayer,
    SelfAttentionLayer,
)


@dataclass(frozen=True)
class ClipOutput:
    """What the slots of `B` clips say.

    Attributes:
        logits: `(B, Q, K + 1)` of classes; the last is no-object.
        mask_embeddings: `(B, Q, C)`, to be multiplied with the mask features of each frame.
        queries: `(B, Q, C)`, input of the next clip of each video.
        prototypes: `(B, Q, C)`, what the memory keeps of this clip.
    """

    logits: Tensor
    mask_embeddings: Tensor
    queries: Tensor
    prototypes: Tensor


class ClipModule(nn.Module):
    """VITA with an instance prototype memory, under the names of the released files.

    Differs from reference: the memory keeps the normalised outputs, not keys and values, which are
    linear in them. Their matrices are applied to what is compared and to what was read: the same
    numbers up to rounding, in half of the memory.

    Args:
        config: layers, slots, widths.
        num_classes: `K`.
    """

    def __init__(self, config: ClipConfig, num_classes: int) -> None:
        super().__init__()
        width, heads, ffn = config.hidden_dim, config.num_heads, config.ffn_dim
        encoder, decoder = range(config.encoder_layers), range(config.decoder_layers)
        self.input_proj_dec = nn.Linear(width, width)
        self.enc_self_attn = nn.ModuleList(SelfAttentionLayer(width, heads) for _ in encoder)
        self.enc_ffn = nn.ModuleList(FFNLayer(width, ffn) for _ in encoder)
        self.fq_pos = nn.Embedding(config.num_frame_queries, width)
        self.query_feat = nn.Embedding(config.num_queries, width)
        self.query_embed = nn.Embedding(config.num_queries, width)
        self.pre_query_embed_k = nn.Linear(width, width)
        self.pre_query_embed_v = nn.Linear(width, width)
        self.pre_memory_embed_k = nn.Linear(width, width)
        self.pre_memory_embed_v = nn.Linear(width, width)
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttentionLayer(width, heads) for _ in decoder
        )
        self.transformer_self_attention_layers = nn.ModuleList(
            SelfAttentionLayer(width, heads) for _ in decoder
        )
        self.transformer_ffn_layers = nn.ModuleList(FFNLayer(width, ffn) for _ in decoder)
        self.decoder_norm = nn.LayerNorm(width)
        self.class_embed = nn.Linear(width, num_classes + 1)
        self.mask_embed = MLP(width, width, width)
        self.vita_mask_features = nn.Conv2d(width, width, 1)
        # Only training reads them.
        self.sim_embed_frame = nn.Linear(width, width)
        self.sim_embed_clip = nn.Linear(width, width)

    def first_queries(self) -> Tensor:
        """Return the queries for the first clip of a video, `(Q, C)`."""
        return self.query_feat.weight.detach()

    def forward(self, frame_queries: Tensor, queries: Tensor) -> ClipOutput:
        """Read the frames of the next clip of some videos.

        Args:
            frame_queries: `(B, T, F, C)`, those of the segmenter on `T` frames.
            queries: `(B, Q, C)`, the slots with their memory, as `recall` returns them.
        """
        frames = frame_queries.shape[1]
        value = self.encode(frame_queries)  # (B, T * F, C)
        key = value + self.fq_pos.weight.repeat(frames, 1)
        positions = self.query_embed.weight
        layers = zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for cross_attention, self_attention, ffn in layers:
            queries = cross_attention(queries, key, value, positions)
            queries = ffn(self_attention(queries, positions))
        prototypes = self.decoder_norm(queries)
        return ClipOutput(
            logits=self.class_embed(prototypes),
            mask_embeddings=self.mask_embed(prototypes),
            queries=queries,
            prototypes=prototypes,
        )

    def encode(self, frame_queries: Tensor) -> Tensor:
        """Return what the slots read, `(B, T * F, C)`, of frame queries `(B, T, F, C)`."""
        tokens: Tensor = self.input_proj_dec(frame_queries.flatten(1, 2))
        for attention, ffn in zip(self.enc_self_attn, self.enc_ffn, strict=True):
            tokens = ffn(attention(tokens))
        return tokens

    def recall(self, queries: Tensor, prototypes: Tensor) -> Tensor:
        """Return the slots of a video with what they read of their own past, `(Q, C)`.

        Args:
            queries: `(Q, C)`, as the clip before gave them.
            prototypes: `(M, Q, C)` of the clips so far, the oldest first; `M` may be 0.
        """
        own: Tensor = queries + self.pre_query_embed_v(queries)
        if len(prototypes) == 0:
            return own
        # The bias of the keys adds the same to the score of every clip: it has no effect.
        compared = self.pre_query_embed_k(queries) @ self.pre_memory_embed_k.weight
        scores = torch.einsum("qc,mqc->mq", compared, prototypes)
        read = torch.einsum("mq,mqc->qc", scores.softmax(0), prototypes)
        recalled: Tensor = own + self.pre_memory_embed_v(read)
        return recalled
