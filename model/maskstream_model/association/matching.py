"""Which detection continues which track, which tracks come back, and which detections are new."""

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from maskstream_model.association.detections import Detections
from maskstream_model.association.rules import AssociationRules
from maskstream_model.association.similarity import Similarity
from maskstream_model.association.state import AssociationState

NOBODY = -1


@dataclass(frozen=True)
class Decision:
    """What the rules decide for one frame.

    Attributes:
        shown: `(N,)` int64, the detection assigned to each track, or `NOBODY`.
        born: `(B,)` int64, detections that become tracks, best first.
        gone: `(N,)` bool, tracks that disappear.
        num_refused: new tracks refused because of `max_tracks`.
    """

    shown: Tensor
    born: Tensor
    gone: Tensor
    num_refused: int = 0


def decide(
    state: AssociationState,
    found: Detections,
    similarity: Similarity,
    rules: AssociationRules,
    max_tracks: int | None,
) -> Decision:
    """Assign detections to tracks, and decide which tracks start and end.

    Tracks that were seen of late take what is most like them, the good detections first; what is
    left of these may bring tracks back from the gallery, and then start new ones. A detection on
    one that is taken already is a duplicate, and shows nothing.
    """
    first = state.num_frames == 0
    strong = found.scores > (rules.first_frame_score_min if first else rules.emergence_score_min)
    overlaps = Overlaps.of(found)
    shown = _continue(state, similarity, strong, rules)
    shown = _drop_duplicates(state, shown, overlaps, rules)
    free = strong & ~overlaps.covered(shown[shown != NOBODY], found, rules)
    shown = _bring_back(state, shown, similarity, free, rules)
    taken = shown[shown != NOBODY]
    born = _new_tracks(found, strong, taken, overlaps, rules)
    gone = _expired(state, shown, rules)
    return _limit(Decision(shown, born, gone), state, max_tracks)


@dataclass(frozen=True)
class Overlaps:
    """Of `M` detections: `ious (M, M)`, and `inside (M, M)`, the share of a row in a column."""

    ious: Tensor
    inside: Tensor

    @classmethod
    def of(cls, found: Detections) -> "Overlaps":
        """Compare the masks of all detections with one another."""
        # (M, H, W) -> (M, H * W); flat @ flat.T -> (M, M) shared pixels
        flat = found.masks.flatten(1).float()
        shared, areas = (flat @ flat.T).cpu(), flat.sum(1).cpu()
        union = areas[:, None] + areas - shared
        return cls(shared / union.clamp_min(1), shared / areas[:, None].clamp_min(1))

    def covered(self, taken: Tensor, found: Detections, rules: AssociationRules) -> Tensor:
        """Return which detections show the same object as one of `taken`, `(M,)` bool."""
        labels = found.class_probabilities[:, :-1].argmax(1)
        close = torch.zeros(len(labels), len(taken), dtype=torch.bool)
        if rules.double_iou_max is not None:
            close |= self.ious[:, taken] > rules.double_iou_max
        if rules.contained_min is not None:
            same = labels[:, None] == labels[taken]
            close |= same & (self.inside[:, taken] >= rules.contained_min)
        return close.any(1)


def _continue(
    state: AssociationState, similarity: Similarity, strong: Tensor, rules: AssociationRules
) -> Tensor:
    """Return the detection of each recently seen track, `(N,)`."""
    recent = state.missed_frames < rules.max_missed_frames
    values = similarity.whole
    allowed = (values >= rules.similarity_min) & similarity.near & recent[:, None]
    shown = torch.full((len(values),), NOBODY)
    for some in (strong, ~strong):
        _assign(values, allowed & some & (shown == NOBODY)[:, None], shown)
    return shown


def _assign(values: Tensor, allowed: Tensor, shown: Tensor) -> None:
    """Fill `shown` with the assignment of the largest sum, without pairs that are not allowed."""
    worth = torch.where(allowed, values, 0.0)
    rows, columns = map(torch.as_tensor, linear_sum_assignment(worth.numpy(), maximize=True))
    good = allowed[rows, columns]
    shown[rows[good]] = columns[good]


def _drop_duplicates(
    state: AssociationState, shown: Tensor, overlaps: Overlaps, rules: AssociationRules
) -> Tensor:
    """Return `shown` without tracks whose mask is that of a more recently seen, or older, track."""
    if rules.double_iou_max is None:
        return shown
    shown, kept = shown.clone(), list[int]()
    for row in state.missed_frames.argsort(stable=True).tolist():
        detection = int(shown[row])
        if detection == NOBODY:
            continue
        if (overlaps.ious[detection, kept] > rules.double_iou_max).any():
            shown[row] = NOBODY
        else:
            kept.append(detection)
    return shown


def _bring_back(
    state: AssociationState,
    shown: Tensor,
    similarity: Similarity,
    free: Tensor,
    rules: AssociationRules,
) -> Tensor:
    """Return `shown` with gallery tracks that clearly match a free detection."""
    waiting = (shown == NOBODY) & (state.missed_frames >= rules.max_missed_frames)
    rows, columns = waiting.nonzero()[:, 0], free.nonzero()[:, 0]
    if not len(rows) or not len(columns):
        return shown
    alike = (similarity.appearance * similarity.classes)[rows][:, columns]
    margin = alike - _best_other(alike)
    clear = (alike >= rules.reid_similarity_min) & (margin >= rules.reid_margin_min)
    shown = shown.clone()
    picked = clear.nonzero()
    shown[rows[picked[:, 0]]] = columns[picked[:, 1]]
    return shown


def _best_other(values: Tensor) -> Tensor:
    """Return for each pair the best other pair of its row or of its column; 0 without one."""
    best = torch.zeros_like(values)
    for axis in (0, 1):
        top = torch.cat([values, torch.zeros_like(values.narrow(axis, 0, 1))], axis).topk(2, axis)
        first, second = top.values.narrow(axis, 0, 1), top.values.narrow(axis, 1, 1)
        best = torch.maximum(best, torch.where(values == first, second, first))
    return best


def _new_tracks(
    found: Detections, strong: Tensor, taken: Tensor, overlaps: Overlaps, rules: AssociationRules
) -> Tensor:
    """Return strong detections that duplicate no other one, best first."""
    born = list[int]()
    for detection in strong.nonzero()[:, 0].tolist():
        others = torch.cat([taken, torch.tensor(born, dtype=torch.int64)])
        if detection in taken or overlaps.covered(others, found, rules)[detection]:
            continue
        born.append(detection)
    return torch.tensor(born, dtype=torch.int64)


def _expired(state: AssociationState, shown: Tensor, rules: AssociationRules) -> Tensor:
    """Return tracks missed for too long, and those above the gallery's size, `(N,)` bool."""
    missed = torch.where(shown == NOBODY, state.missed_frames + 1, 0)
    patience = torch.tensor([rules.patience(seen) for seen in state.num_seen.tolist()])
    gone = missed >= patience
    waiting = (~gone & (missed >= rules.max_missed_frames)).nonzero()[:, 0]
    longest = waiting[missed[waiting].argsort(descending=True, stable=True)]
    gone[longest[: max(0, len(longest) - rules.gallery_size)]] = True
    return gone


def _limit(decision: Decision, state: AssociationState, max_tracks: int | None) -> Decision:
    """Return a decision of at most `max_tracks`; new tracks evict those missed for longest."""
    if max_tracks is None:
        return decision
    gone = decision.gone.clone()
    absent = ((decision.shown == NOBODY) & ~gone).nonzero()[:, 0]
    longest = absent[state.missed_frames[absent].argsort(descending=True, stable=True)]
    surplus = int((~gone).sum()) + len(decision.born) - max_tracks
    gone[longest[: max(0, surplus)]] = True
    places = max(0, max_tracks - int((~gone).sum()))
    return Decision(
        decision.shown, decision.born[:places], gone, max(0, len(decision.born) - places)
    )
