"""Queries that are shown where an object is, so that the decoder learns to read before it finds.

Not in the paper; after the mask-piloted training of MP-Former (arXiv 2303.07336). From scratch
the matched queries stay fixed places for a long time: what they read of a frame is of no use yet.
Here ordinary start states, drawn at random, look at noisy true masks on their first layers and at
their own masks after that, and have to answer with that object. Nothing is matched.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_model.mask2former.mask_decoder import NUM_LEVELS, MaskDecoder
from maskstream_model.mask2former.segmenter import Features
from maskstream_train.training.criterion import ClassedRows, Criterion, in_layers
from maskstream_train.training.losses import IGNORED, MaskPairs
from maskstream_train.training.targets import FrameTargets

GROUPS = 2
"""Pilots that every object is shown to."""
MAX_NOISE = 0.4
"""Largest share of an object's cells that are blocked; about as many others are opened."""


def pilot_loss(
    decoder: MaskDecoder,
    features: Features,
    targets: FrameTargets,
    criterion: Criterion,
    generator: torch.Generator,
) -> Tensor:
    """Return the weighted losses of all layers after the start, a scalar.

    Args:
        decoder: learns.
        features: of the `B` frames.
        targets: the truth of the same frames; every object is shown to `GROUPS` pilots.
        criterion: weights and points.
        generator: draws start states, noise and points.
    """
    shown = _repeated(targets)
    batch, pilots = shown.labels.shape
    device, queries = generator.device, decoder.query_feat.num_embeddings
    start = torch.randint(queries, (batch, pilots), generator=generator, device=device)
    levels = decoder.levels(features.levels, features.mask_features)
    given = [_blocked(shown.masks, level.shape, generator) for level in levels[:NUM_LEVELS]]
    state, positions = decoder.query_feat(start), decoder.query_embed(start)
    layers = decoder.refine(state, positions, levels, given)[1:]
    predictions = [decoder.predict(layer, features.mask_features) for layer in layers]
    logits = torch.stack([prediction.logits for prediction in predictions])
    masks = torch.stack([prediction.mask_logits for prediction in predictions])
    classes = torch.where(shown.present, shown.labels, IGNORED).expand(len(layers), -1, -1)
    pairs = _pairs(masks, shown)
    num_masks = max(1.0, len(pairs.index) / len(layers))
    # (B, P) -> (M,) rows of a layer -> (L * M,)
    rows = in_layers(shown.present.flatten().nonzero()[:, 0], len(layers), batch * pilots)
    # (L, B, P, K + 1) -> (L, B * P, K + 1), (L, B, P) -> (L, B * P)
    classed = ClassedRows(logits.flatten(1, 2), classes.flatten(1), criterion.weights.no_object)
    losses = criterion.losses(classed, pairs, rows, num_masks, generator)
    return torch.stack(list(losses.values())).sum()


def _repeated(targets: FrameTargets) -> FrameTargets:
    """Return targets with every object `GROUPS` times."""
    return FrameTargets(
        targets.masks.repeat(1, GROUPS, 1, 1),
        targets.labels.repeat(1, GROUPS),
        targets.present.repeat(1, GROUPS),
        targets.ignored,
        None if targets.certainties is None else targets.certainties.repeat(1, GROUPS),
    )


def _blocked(masks: Tensor, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Return `(B, P, M)`: True outside of masks `(B, P, h, w)`, with noise.

    Of a mask's cells a share is blocked, and about as many are opened elsewhere: a small object
    would drown in a share of the whole frame.
    """
    # (B, P, h, w) -> (B, P, *shape) -> (B, P, M)
    cells = F.adaptive_max_pool2d(masks.float(), shape).flatten(2) > 0
    share = torch.rand(*cells.shape[:2], 1, generator=generator, device=generator.device)
    drawn = torch.rand(*cells.shape, generator=generator, device=generator.device)
    flipped = torch.where(cells, 1.0, cells.float().mean(-1, keepdim=True)) * MAX_NOISE * share
    blocked = ~(cells ^ (drawn < flipped))
    return blocked & ~blocked.all(-1, keepdim=True)


def _pairs(mask_logits: Tensor, shown: FrameTargets) -> MaskPairs:
    """Collect the present pilots' masks of `(L, B, P, H, W)` with their truth."""
    layers = mask_logits.shape[0]
    index = shown.present.flatten().nonzero().squeeze(1)
    # (L, B, P, H, W) -> (L, B * P, H, W) -> (L, M, H, W) -> (L * M, H, W)
    picked = mask_logits.flatten(1, 2)[:, index].flatten(0, 1)
    certainties = None if shown.certainties is None else shown.certainties.flatten()
    return MaskPairs(
        picked, shown.masks.flatten(0, 1), index.repeat(layers), shown.doubtful, certainties
    )
