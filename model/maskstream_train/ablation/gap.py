"""The transition gap: how far an anchor has to go to its target (paper, section .2 and Table A3).

The paper defines it in words: the distance from an anchor query to the query that it turns into,
by cosine similarity (CS) and normalised Euclidean distance (NED). Made exact here as follows.

* An anchor is what the first cross attention takes as its query: feature plus position.
* An object **emerges** on the first frame of a visit (see `evaluation.identity`). Of the anchors
  whose mask covers it (IoU >= 0.5) the one with the best score counts, whether or not that makes a
  track; its target is its state after the last layer.
* It **disappears** on the first frame after a visit. The track that covered it on the frame before
  counts if it is missed on this frame. Where tracker 2 has a say, anchor and target are its own;
  without it the anchor is the tracked query and the target what tracker 1 makes of it.
* The paper gives no formula for NED. `|a - b| / (|a| + |b|)` is taken: for vectors of one length
  and the CS of Table A3 (0.08 and 0.32) it gives 0.68 and 0.58; the table has 0.68 and 0.59.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_model.daq.disappearance import match_queries
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.padding import stack_tracks
from maskstream_model.daq.state import TrackerState
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_train.evaluation.identity import IOU_MIN


@dataclass(frozen=True)
class Gap:
    """Way of one anchor: cosine similarity -1 to 1, normalised Euclidean distance 0 to 1."""

    cosine: float
    distance: float


def gap_between(anchor: Tensor, target: Tensor) -> Gap:
    """Return the gap between two vectors `(C,)`."""
    lengths = anchor.norm() + target.norm()
    distance = (anchor - target).norm() / lengths.clamp(min=1e-12)
    return Gap(float(F.cosine_similarity(anchor, target, dim=0)), float(distance))


@dataclass(frozen=True)
class Step:
    """One frame on its way through a tracker.

    Attributes:
        state: memory before it.
        frame: output of the segmenter, a batch of one.
        masks: `(N, H, W)` bool, what the tracks of `state` covered on the frame before.
    """

    state: TrackerState
    frame: SegmenterOutput
    masks: Tensor


@torch.no_grad()
def emergence_gaps(model: OnlineDaq, step: Step, truth: Tensor) -> list[Gap]:
    """Return the gaps of the anchors of objects `truth (G, H, W)` that emerge on this frame.

    Objects that no anchor's mask covers have none.
    """
    tracker, frame = model.tracker, step.frame
    appearances = tracker.pool_appearance(frame.mask_logits, frame.mask_features)
    states = tracker.decode(
        stack_tracks([step.state]).on(model.device), frame.embeddings, appearances
    )
    features, positions = tracker.anchors(appearances)
    ends = states[-1][:, step.state.num_tracks :]
    scores = tracker.foreground(tracker.classify(ends))[0]
    covers = overlaps(tracker.segment(ends, frame.mask_features)[0] > 0, truth) >= IOU_MIN
    rows = _best_rows(covers, scores)
    starts = (features + positions)[0]
    return [gap_between(starts[row], ends[0, row]) for row in rows]


@torch.no_grad()
def disappearance_gaps(model: OnlineDaq, step: Step, before: Tensor) -> list[Gap]:
    """Return the gaps of tracks of the objects `before (G, H, W)`, gone since the last frame.

    Objects that no track covered, and those whose track claims to see them still, have none.
    """
    if step.state.num_tracks == 0:
        return []
    starts, ends, seen = _tracks(model, step)
    if model.config.online.keep_score_min is not None:
        starts, ends, keep = _slots(model, step, model.config.online.keep_score_min)
        seen = seen & keep
    ious = overlaps(step.masks, before)
    missed = (ious >= IOU_MIN) & ~seen[:, None]
    return [gap_between(starts[row], ends[row]) for row in _best_rows(missed, ious.amax(1))]


def overlaps(masks: Tensor, truth: Tensor) -> Tensor:
    """Return the IoU `(M, G)` of bool masks `(M, H, W)` and `(G, H, W)`; 0 where both are empty."""
    one, other = masks.flatten(1).float(), truth.flatten(1).float()
    shared = one @ other.T
    joint = one.sum(1)[:, None] + other.sum(1) - shared
    return shared / joint.clamp(min=1.0)


def _best_rows(wanted: Tensor, scores: Tensor) -> list[int]:
    """Return the row with the best score `(M,)` of each column of `wanted (M, G)` that has one."""
    rows = scores[:, None].masked_fill(~wanted, -1.0).argmax(0)
    return [int(row) for row in rows[wanted.any(0)]]


def _slots(model: OnlineDaq, step: Step, keep_score_min: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return starts and ends `(N, C)` of tracker 2's anchors, and who it says is there `(N,)`."""
    tracker, tracked = model.tracker, stack_tracks([step.state]).on(model.device)
    queries, count = model.segmenter.query_features, step.state.num_tracks
    ends = tracker.decode_slots(tracked, step.frame.embeddings, queries)[-1][:, :count]
    background = tracker.bg_slots.weight[None]
    rows = torch.cat([tracked.features, background], 1)
    starts = queries[match_queries(rows, queries)][:, :count] + tracked.features
    return starts[0], ends[0], tracker.foreground(tracker.classify(ends))[0] > keep_score_min


def _tracks(model: OnlineDaq, step: Step) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same of tracker 1's tracked queries."""
    tracker, frame = model.tracker, step.frame
    tracked = stack_tracks([step.state]).on(model.device)
    appearances = tracker.pool_appearance(frame.mask_logits, frame.mask_features)
    states = tracker.decode(tracked, frame.embeddings, appearances)
    ends = states[-1][:, : step.state.num_tracks]
    seen = tracker.foreground(tracker.classify(ends))[0] > model.config.online.tracked_score_min
    return (tracked.features + tracked.positions)[0], ends[0], seen
