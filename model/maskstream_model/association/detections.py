"""Detections of the segmenter on a frame, scored as the published model scores its instances.

See docs/model.md 11.3.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_model.association.state import SHAPE
from maskstream_model.config import ModelConfig
from maskstream_model.mask2former.segmenter import SegmenterOutput

MAX_PAIRS = 100
"""Largest number of (query, class) pairs that become instances of a frame."""


@dataclass(frozen=True)
class Instances:
    """The instances of a frame: pairs of query and class, of which a query may have several.

    Attributes:
        queries: `(n,)` int64.
        labels: `(n,)` int64.
        scores: `(n,)` float32, 0 to 1: of the class, times `quality`.
        quality: `(n,)` float32, the mean probability inside the mask.
    """

    queries: Tensor
    labels: Tensor
    scores: Tensor
    quality: Tensor


def instances(
    logits: Tensor, mask_logits: Tensor, things: Tensor, score_min: float = 0.0
) -> Instances:
    """Return the best pairs of query and class, of thing classes only.

    Args:
        logits: `(Q, K + 1)`.
        mask_logits: `(Q, H, W)`, of any resolution.
        things: `(K,)` bool, the classes that are things.
        score_min: pairs whose class is no more likely are left out.
    """
    num_classes = len(things)
    # (Q, K + 1) -> (Q, K) without no-object -> (Q * K,)
    pairs = logits.softmax(-1)[:, :-1].flatten()
    scores, places = pairs.topk(min(MAX_PAIRS, len(pairs)))
    queries, labels = places // num_classes, places % num_classes
    kept = things.to(labels.device)[labels] & (scores > score_min)
    queries, labels, scores = queries[kept], labels[kept], scores[kept]
    # Most queries have no pair left, and masks are large.
    shown, place = torch.unique(queries, return_inverse=True)
    quality = mask_quality(mask_logits[shown])[place]
    return Instances(queries, labels, scores * quality, quality)


def mask_quality(mask_logits: Tensor) -> Tensor:
    """Return the mean probability inside of each mask `(n, H, W)`; 0 for an empty one."""
    inside = mask_logits > 0
    sums = (mask_logits.sigmoid() * inside).sum((1, 2))
    return sums / (inside.count_nonzero((1, 2)) + 1e-6)


@dataclass(frozen=True)
class Detections:
    """Queries of a frame that may show an object, best first; all but the masks on the CPU.

    Attributes:
        queries: `(M,)` int64.
        scores: `(M,)` float32, 0 to 1.
        class_probabilities: `(M, K + 1)` float32 class distributions, "no object" last.
        embeddings: `(M, C)` float32 unit vectors.
        boxes: `(M, 4)` float32, see `AssociationState`.
        masks: `(M, H, W)` bool, none of them empty, on the model's device.
    """

    queries: Tensor
    scores: Tensor
    class_probabilities: Tensor
    embeddings: Tensor
    boxes: Tensor
    masks: Tensor


def detect(frame: SegmenterOutput, config: ModelConfig) -> Detections:
    """Return the queries with a score above `tracked_score_min`; the batch is one frame.

    Instances are scored by class and mask; segments of a panoptic picture by their class alone.
    """
    logits, mask_logits = frame.logits[0].float(), frame.mask_logits[0]
    class_probabilities = logits.softmax(-1)
    if config.task == "instances":
        things = torch.tensor([info.thing for info in config.classes])
        found = instances(logits, mask_logits, things, config.online.tracked_score_min)
        none = torch.zeros_like(class_probabilities[:, 0])
        scores = none.scatter_reduce(0, found.queries, found.scores, "amax")
        quality = none.scatter(0, found.queries, found.quality)
        objects = class_probabilities[:, :-1] * quality[:, None]
        class_probabilities = torch.cat([objects, 1 - objects.sum(1, keepdim=True)], 1)
    else:
        # (Q, H, W) -> (Q, H * W) -> (Q,): queries without a pixel score 0
        scores = class_probabilities[:, :-1].amax(-1) * (mask_logits > 0).flatten(1).any(1)
    best = scores.argsort(descending=True, stable=True)
    queries = best[scores[best] > config.online.tracked_score_min]
    masks = mask_logits[queries] > 0
    return Detections(
        queries=queries.cpu(),
        scores=scores[queries].cpu(),
        class_probabilities=class_probabilities[queries].cpu(),
        embeddings=F.normalize(frame.embeddings[0, queries].float(), dim=-1).cpu(),
        boxes=boxes_of(masks),
        masks=masks,
    )


def boxes_of(masks: Tensor) -> Tensor:
    """Return tight boxes `(M, 4)` of non-empty masks `(M, H, W)`, relative to the frame's sides."""
    sides = []
    for axis in (1, 2):
        there = masks.any(axis).int()  # columns, then rows
        length = there.shape[1]
        first, last = there.argmax(1), length - there.flip(1).argmax(1)
        sides += [first / length, last / length]
    x0, x1, y0, y1 = sides
    return torch.stack([x0, y0, x1, y1], 1).float().cpu()


def look_inside(masks: Tensor, boxes: Tensor) -> Tensor:
    """Sample each mask inside each box: `(M, N, SHAPE, SHAPE)` float32, 0 to 1, on the CPU.

    Args:
        masks: `(M, H, W)` bool.
        boxes: `(N, 4)`, on the CPU; samples outside of the frame are 0.
    """
    if not len(masks) or not len(boxes):
        return torch.zeros(len(masks), len(boxes), SHAPE, SHAPE)
    steps = (torch.arange(SHAPE) + 0.5) / SHAPE
    across = boxes[:, :1] + steps * (boxes[:, 2:3] - boxes[:, :1])  # (N, SHAPE)
    down = boxes[:, 1:2] + steps * (boxes[:, 3:] - boxes[:, 1:2])
    places = torch.stack(
        [across[:, None].expand(-1, SHAPE, -1), down[:, :, None].expand(-1, -1, SHAPE)], -1
    )
    grid = (2 * places - 1).flatten(0, 1)[None].to(masks.device)
    sampled = F.grid_sample(masks.float()[None], grid, align_corners=False)[0]
    return sampled.view(len(masks), len(boxes), SHAPE, SHAPE).cpu()
