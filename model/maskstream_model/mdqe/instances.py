"""The instances of a clip: of its queries those that are sure, and of duplicates the best.

See docs/model.md 14.4.
"""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from maskstream_model.mdqe.config import MdqeRules
from maskstream_model.mdqe.network import ClipQueries

SAME_EMBED = 0.99
"""Cosine of the embeddings of two queries from which they are one."""
SAME_MASK = 0.5
"""Overlap of the masks of two queries, a soft IoU, from which the worse one is left out."""
QUERIES_PER_INSTANCE = 10
LONG_CLIP = 5
"""Frames of a clip from which masks are compared on every second one."""


@dataclass(frozen=True)
class Instances:
    """What `N` instances of a clip of `T` frames are, the best first.

    Attributes:
        scores: `(N,)` 0 to 1: that of the best class.
        class_scores: `(N, K)` 0 to 1, of the clip: classes times how sure the masks are.
        coefficients: `(N, M)` of the mask features.
        mask_logits: `(N, T, H, W)` at a quarter of the padded size, coefficients times features.
        embeds: `(N, C)`.
    """

    scores: Tensor
    class_scores: Tensor
    coefficients: Tensor
    mask_logits: Tensor
    embeds: Tensor

    def __len__(self) -> int:
        """`N`."""
        return len(self.scores)

    def __getitem__(self, rows: Tensor) -> "Instances":
        """Return some of them, by indices or as bool."""
        return Instances(*(getattr(self, each.name)[rows] for each in fields(self)))

    def weakened(self, factors: Tensor) -> "Instances":
        """Return them with all scores times factors `(N,)`."""
        classes = self.class_scores * factors[:, None]
        return replace(self, scores=classes.amax(1), class_scores=classes)


def instances(queries: ClipQueries, features: Tensor, rules: MdqeRules) -> Instances:
    """Return the instances of a clip.

    Args:
        queries: of the clip.
        features: `(T, M, H, W)` mask features of its frames.
        rules: of the preset.
    """
    rows = _sure(queries, rules)
    coefficients = queries.coefficients[rows]
    masks = torch.einsum("qm,tmhw->qthw", coefficients, features)
    classes = queries.scores[rows]
    every = Instances(classes.amax(1), classes, coefficients, masks, queries.embeds[rows])
    found = _without_doubles(every[(masks > 0).flatten(1).any(1)])
    found = found.weakened(_sureness(found.mask_logits))
    order = found.scores.argsort(descending=True, stable=True)
    # The best one stays whatever its score is.
    count = max(1, int((found.scores > rules.instance_score_min).sum()))
    return found[order[:count]]


def _sure(queries: ClipQueries, rules: MdqeRules) -> Tensor:
    """Return the rows of queries that are sure enough and unlike better ones, the best first."""
    best, order = queries.scores.amax(1).sort(descending=True, stable=True)
    order = order[best >= min(rules.instance_score_min, float(best[0]))]
    embeds = F.normalize(queries.embeds[order], dim=1)
    # (n, n), rows are better than columns
    likeness = (embeds @ embeds.T).triu(1).amax(0)
    return order[likeness < SAME_EMBED][: QUERIES_PER_INSTANCE * rules.instances_max]


def _without_doubles(found: Instances) -> Instances:
    """Leave out instances whose masks better ones have; overlap makes the rest less sure."""
    if not len(found):
        return found
    step = 2 if found.mask_logits.shape[1] >= LONG_CLIP else 1
    small = found.mask_logits[:, ::step, ::2, ::2].flatten(1)
    soft, hard = small.sigmoid(), (small > 0).float()
    common = soft @ hard.T
    union = soft.sum(1)[:, None] + hard.sum(1) - common
    most = (common / (union + 1)).triu(1).amax(0)
    return found.weakened(1 - most)[most < SAME_MASK]


def _sureness(masks: Tensor) -> Tensor:
    """Return `(N,)`: the mean probability of the pixels inside each mask `(N, T, H, W)`."""
    inside = (masks > 0).flatten(1)
    return (masks.sigmoid().flatten(1) * inside).sum(1) / inside.sum(1).clamp(min=1)
