"""Mask2Former on every frame, its queries associated over time: frames in, tracks out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.association.detections import Detections, detect, look_inside
from maskstream_model.association.matching import NOBODY, Decision, decide
from maskstream_model.association.rules import AssociationRules
from maskstream_model.association.similarity import centres, compare
from maskstream_model.association.state import SHAPE, AssociationState, initial_state
from maskstream_model.association.state_parts import state_from_parts, state_to_parts
from maskstream_model.frame_by_frame import NO_OPTIONS
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.port import SessionOptions, TrackStatus
from maskstream_model.query_tracking import QueryTrackingModel, one_by_one
from maskstream_model.tasks.output import EMPTY_LOGIT, FrameOutput

VELOCITY_RATE = 0.5
"""Share of the newest movement in a track's velocity."""
TINY = 1e-9
"""Added to probabilities before their logarithm."""


class AssociatedSegmenter(QueryTrackingModel[AssociationState]):
    """Implements `port.Model` (docs/model.md 12); its memory is an `AssociationState`.

    Its arguments are those of `QueryTrackingModel`; `config.online` are `AssociationRules`.
    """

    family = "mask2former"

    @property
    def rules(self) -> AssociationRules:
        """The rules of the preset."""
        assert isinstance(self.config.online, AssociationRules)
        return self.config.online

    def first_state(self) -> AssociationState:
        """Return the state of a session before its first frame."""
        return initial_state(self.config)

    def to_parts(self, state: AssociationState) -> dict[str, bytes]:
        """See `port.Model` and `state_parts`."""
        return state_to_parts(state, self.fingerprint)

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS
    ) -> AssociationState:
        """See `port.Model` and `state_parts`."""
        return state_from_parts(parts, self.config, self.fingerprint, options.max_tracks)

    @torch.no_grad()
    def track(
        self,
        segmented: SegmenterOutput,
        states: Sequence[AssociationState],
        resized: Sequence[Size],
        max_tracks: Sequence[int | None] | None = None,
    ) -> tuple[list[FrameOutput], list[AssociationState]]:
        """Associate frames that are segmented already; see `QueryTrackingModel.track`."""
        return one_by_one(self._track_one, segmented, states, resized, max_tracks)

    def _track_one(
        self, frame: SegmenterOutput, state: AssociationState, resized: Size, limit: int | None
    ) -> tuple[FrameOutput, AssociationState]:
        found = detect(frame, self.config)
        decision = decide(state, found, compare(state, found), self.rules, limit)
        after = advance(state, found, decision, self.rules)
        return output_of(frame, state, found, decision, after, resized), after


def advance(
    state: AssociationState, found: Detections, decision: Decision, rules: AssociationRules
) -> AssociationState:
    """Return the memory after a frame: living tracks in the order of their birth, then the new."""
    alive = (~decision.gone).nonzero()[:, 0]
    seen = _seen(state.select(alive), found, decision.shown[alive], rules)
    born = _born(state, found, decision.born)
    columns: dict[str, Any] = {
        name: torch.cat([getattr(seen, name), value]) for name, value in born.items()
    }
    return AssociationState(
        **columns,
        num_frames=state.num_frames + 1,
        next_track_id=state.next_track_id + len(decision.born),
    )


def _seen(
    state: AssociationState, found: Detections, shown: Tensor, rules: AssociationRules
) -> AssociationState:
    """Return tracks after a frame; those without a detection only count one more miss."""
    is_shown = shown != NOBODY
    # Rows without a detection read the last one here; the result is masked out below.
    counts = state.num_seen + is_shown
    boxes = _of(found.boxes, shown)
    frames = (1 + state.missed_frames)[:, None]
    steps = (centres(boxes) - centres(state.boxes)) / frames
    # The first movement is taken as it is; after a long absence there is no velocity.
    known = torch.where(state.num_seen > 1, VELOCITY_RATE, 1.0)[:, None]
    steps = state.velocities + known * (steps - state.velocities)
    steps = torch.where(frames > rules.max_missed_frames, 0.0, steps)
    share = (1 / counts.clamp_min(1))[:, None]
    rate = torch.maximum(share, torch.tensor(1 - rules.momentum_min))
    mixed = state.appearances + rate * (_of(found.embeddings, shown) - state.appearances)
    class_probabilities = state.class_probabilities + share * (
        _of(found.class_probabilities, shown) - state.class_probabilities
    )
    moved = {
        "appearances": F.normalize(mixed, dim=-1),
        "class_probabilities": class_probabilities,
        "boxes": boxes,
        "velocities": steps,
        "shapes": _shapes(found, shown.clamp_min(0)),
    }
    changed: dict[str, Any] = {
        name: torch.where(is_shown.view(-1, *(1,) * (value.dim() - 1)), value, getattr(state, name))
        for name, value in moved.items()
    }
    missed = torch.where(is_shown, 0, state.missed_frames + 1)
    return replace(state, **changed, missed_frames=missed, num_seen=counts)


def _born(state: AssociationState, found: Detections, born: Tensor) -> dict[str, Tensor]:
    """Return the columns of new tracks."""
    count = len(born)
    return {
        "appearances": found.embeddings[born],
        "class_probabilities": found.class_probabilities[born],
        "boxes": found.boxes[born],
        "velocities": torch.zeros(count, 2),
        "shapes": _shapes(found, born),
        "track_ids": torch.arange(state.next_track_id, state.next_track_id + count),
        "birth_frames": torch.full((count,), state.num_frames),
        "missed_frames": torch.zeros(count, dtype=torch.int64),
        "num_seen": torch.ones(count, dtype=torch.int64),
    }


def _shapes(found: Detections, rows: Tensor) -> Tensor:
    """Return the masks of detections inside their boxes, `(R, SHAPE, SHAPE)` bool."""
    if not len(found.queries):
        return torch.zeros(len(rows), SHAPE, SHAPE, dtype=torch.bool)
    own = torch.stack(
        [
            look_inside(found.masks[row : row + 1], found.boxes[row : row + 1])[0, 0]
            for row in range(len(found.queries))
        ]
    )
    return own[rows] >= 0.5


def _of(values: Tensor, rows: Tensor) -> Tensor:
    """Return rows of detections; zeros where there is none."""
    if not len(values):
        return values.new_zeros(len(rows), *values.shape[1:])
    return values[rows]


def output_of(
    frame: SegmenterOutput,
    before: AssociationState,
    found: Detections,
    decision: Decision,
    after: AssociationState,
    resized: Size,
) -> FrameOutput:
    """Return the living tracks and, for the last time, those that disappeared."""
    gone = decision.gone.nonzero()[:, 0]
    nobody = torch.full_like(gone, NOBODY)
    shown = torch.cat([decision.shown[~decision.gone], decision.born, nobody])
    class_probabilities = torch.cat([after.class_probabilities, before.class_probabilities[gone]])
    status = torch.where(shown == NOBODY, int(TrackStatus.MISSED), int(TrackStatus.TRACKED))
    status[len(status) - len(gone) - len(decision.born) :] = int(TrackStatus.EMERGED)
    status[len(status) - len(gone) :] = int(TrackStatus.DISAPPEARED)
    device = frame.mask_logits.device
    means = (class_probabilities + TINY).log().to(device)
    masks = _masks(frame.mask_logits[0], found, shown)
    height, width = masks.shape[1:]
    return FrameOutput(
        track_ids=torch.cat([after.track_ids, before.track_ids[gone]]),
        status=status,
        logits=means,
        mean_logits=means,
        mask_logits=masks,
        scores=class_probabilities[:, :-1].amax(-1).to(device),
        labels=class_probabilities[:, :-1].argmax(-1).to(device),
        ages=torch.cat([after.ages, before.ages[gone] + 1]),
        resized=resized,
        padded=(4 * height, 4 * width),
        num_refused=decision.num_refused,
    )


def _masks(mask_logits: Tensor, found: Detections, shown: Tensor) -> Tensor:
    """Return the mask logits of tracks, `(R, H, W)`; negative everywhere without a detection."""
    masks = mask_logits.new_full((len(shown), *mask_logits.shape[1:]), EMPTY_LOGIT)
    there = shown != NOBODY
    rows = found.queries[shown[there]].to(mask_logits.device)
    masks[there.to(mask_logits.device)] = mask_logits[rows]
    return masks
