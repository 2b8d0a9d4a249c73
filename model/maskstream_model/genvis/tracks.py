"""From what the slots say of a clip to the results of its frames (docs/model.md 15.3).

A slot is a track: nothing is matched. Differs from reference: it has no rule for when a track
begins and ends; ours is in docs/decisions/0091.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.genvis.config import GenvisConfig
from maskstream_model.genvis.state import GenvisState, WaitingFrame
from maskstream_model.port import FrameResult, TrackTable
from maskstream_model.query_slots.slots import ListedSlots, after_frame, decide, listed
from maskstream_model.tasks.output import resize_mask_logits
from maskstream_model.tasks.results import InstanceMasks


@dataclass(frozen=True)
class SlotReadout:
    """What the slots say of one clip.

    Attributes:
        probabilities: `(Q, K)` float32 of the classes, without no-object.
        mask_embeddings: `(Q, C)`.
    """

    probabilities: Tensor
    mask_embeddings: Tensor

    def mask_logits(self, frame: WaitingFrame, rows: Tensor) -> Tensor:
        """Return mask logits `(n, H, W)` of some slots on a frame, at stride 4."""
        return torch.einsum("qc,chw->qhw", self.mask_embeddings[rows], frame.mask_features)


def follow(
    said: SlotReadout, frame: WaitingFrame, state: GenvisState, config: GenvisConfig
) -> tuple[FrameResult, GenvisState]:
    """Return the result of a frame and the memory after it, as far as tracks are concerned."""
    scores = said.probabilities.amax(1).cpu()
    decisions = decide(scores, state, config.online, frame.max_tracks)
    slots = after_frame(state, decisions)
    after = replace(state, **slots)
    shown = listed(state, after, decisions)
    device = said.probabilities.device
    rows, gone = shown.rows.to(device), shown.gone.to(device)
    logits = said.mask_logits(frame, rows).masked_fill(gone[:, None, None], 0.0)
    padded = (4 * logits.shape[1], 4 * logits.shape[2])
    living = after.living.to(device)[:, None]
    sums = state.sums.index_add(0, rows, _mask_sums(logits, padded, frame.resized))
    after = replace(
        after,
        best=torch.where(living, state.best.maximum(said.probabilities), 0.0),
        sums=torch.where(living, sums, 0.0),
    )
    # A track that ends is scored by the frames before this one.
    best = torch.where(gone[:, None], state.best[rows], after.best[rows])
    confidence = _confidence(torch.where(gone[:, None], state.sums[rows], after.sums[rows]))
    result = FrameResult(
        after.num_frames,
        frame.size,
        _table(shown, best * confidence, config),
        InstanceMasks(logits, padded, frame.resized),
        num_refused=decisions.num_refused,
    )
    return result, after


def _mask_sums(logits: Tensor, padded: Size, resized: Size) -> Tensor:
    """Return `(n, 2)`: the sum of mask probabilities inside of each mask, and its pixels.

    On the frame as the network saw it, as the reference has it.
    """
    whole = resize_mask_logits(logits, padded, resized, resized).flatten(1)
    inside = whole > 0
    return torch.stack([(whole.sigmoid() * inside).sum(1), inside.sum(1).float()], 1)


def _confidence(sums: Tensor) -> Tensor:
    """Return the mean mask probability inside of masks, `(n, 1)`, of sums `(n, 2)`."""
    # Rounding of long sums must not lift it above 1.
    return (sums[:, :1] / (sums[:, 1:] + 1e-6)).clamp(max=1.0)


def _table(shown: ListedSlots, class_scores: Tensor, config: GenvisConfig) -> TrackTable:
    """Return the tracks; a score is the best probability of a class times the masks' confidence."""
    scores, labels = (values.cpu().numpy() for values in class_scores.max(1))
    count = len(labels)
    every = torch.ones(count, dtype=torch.bool).numpy()
    return TrackTable(
        track_ids=shown.track_ids.numpy(),
        labels=labels,
        scores=scores,
        status=shown.status.numpy(),
        ages=shown.ages.numpy(),
        things=every,
        mentionable=every,
        class_scores=class_scores.cpu().numpy(),
    )
