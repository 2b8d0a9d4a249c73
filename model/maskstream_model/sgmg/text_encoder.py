"""RoBERTa with the names of the released files, and what SgMg keeps of a text (docs/model.md 13.2).

The encoder is a module of our own: that of `transformers` would be a dependency of every server
for a hundred lines, and its names and layers change from version to version.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.sgmg.config import TextConfig

EPS = 1e-5
RESIZER_EPS = 1e-12
FIRST_POSITION = 2
"""Of the table of positions: those before it stand for padding."""


@dataclass(frozen=True)
class TextFeatures:
    """What the fusion needs of one text of `N` tokens.

    Attributes:
        words: `(N, C)`, of each token.
        sentence: `(C,)`, of all.
    """

    words: Tensor
    sentence: Tensor


class Embeddings(nn.Module):
    """Tokens with their positions, normalised."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocabulary, config.width)
        self.position_embeddings = nn.Embedding(config.positions, config.width)
        self.token_type_embeddings = nn.Embedding(1, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, EPS)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map `(N,)` ids to `(1, N, C)`."""
        positions = self.position_embeddings.weight[FIRST_POSITION:][: len(tokens)]
        # Summed in this order by the released model.
        mixed = self.word_embeddings(tokens) + self.token_type_embeddings.weight + positions
        normalised: Tensor = self.LayerNorm(mixed[None])
        return normalised


class Projections(nn.Module):
    """Queries, keys and values."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)


class AddNorm(nn.Module):
    """A linear layer, added to what was before it and normalised."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, width)
        self.LayerNorm = nn.LayerNorm(width, EPS)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        """Map `(..., inputs)` to `(..., C)`."""
        normalised: Tensor = self.LayerNorm(self.dense(x) + before)
        return normalised


class Attention(nn.Module):
    """Self-attention of all tokens."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.self = Projections(config.width)
        self.output = AddNorm(config.width, config.width)

    def forward(self, state: Tensor) -> Tensor:
        """Return the new state `(1, N, C)`."""
        q, k, v = (
            # (1, N, C) -> (1, N, heads, C / heads) -> (1, heads, N, C / heads)
            project(state).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.self.query, self.self.key, self.self.value)
        )
        read = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        mixed: Tensor = self.output(read, state)
        return mixed


class Intermediate(nn.Module):
    """The first layer of a feed-forward network."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, hidden)


class Layer(nn.Module):
    """Attention, then a feed-forward network."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = Intermediate(config.width, config.hidden)
        self.output = AddNorm(config.hidden, config.width)

    def forward(self, state: Tensor) -> Tensor:
        """Return the new state `(1, N, C)`."""
        state = self.attention(state)
        mixed: Tensor = self.output(F.gelu(self.intermediate.dense(state)), state)
        return mixed


class Layers(nn.Module):
    """The layers, under their released name."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.depth))


class Roberta(nn.Module):
    """From ids of tokens to the last hidden state and the pooled first token."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = Layers(config)
        self.pooler = Intermediate(config.width, config.width)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(N,)` ids of one text to `(N, C)` and `(C,)`."""
        state = self.embeddings(tokens)
        for layer in self.encoder.layer:
            state = layer(state)
        return state[0], torch.tanh(self.pooler.dense(state[0, 0]))


class TextEncoder(nn.Module):
    """The encoder, under its released name."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.text_backbone = Roberta(config)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """See `Roberta`."""
        hidden, pooled = self.text_backbone(tokens)
        return hidden, pooled


class Resizer(nn.Module):
    """From the width of texts to that of pictures."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, width)
        self.layer_norm = nn.LayerNorm(width, RESIZER_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., inputs)` to `(..., C)`."""
        resized: Tensor = self.layer_norm(self.fc(x))
        return resized
