"""One pass of the trackers over a clip in training: match, simulate, carry on.

See docs/model.md 6.1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_train.training.matcher import (
    UNMATCHED,
    MatchCost,
    assign,
    match_costs,
    objects_of_rows,
)
from maskstream_train.training.padded_tracks import (
    PaddedTracks,
    compact,
    no_tracks,
    remember,
    with_anchors,
)
from maskstream_train.training.recipes import TrackerRecipe
from maskstream_train.training.simulation import (
    chance,
    draw_disappearing,
    hidden_queries,
    hide_over_time,
    keep_above,
    keep_better_half,
    shown_objects,
)
from maskstream_train.training.targets import ClipBatch, FrameTargets

HISTORY = 9
"""Earlier appearances that the momentum is compared with (docs/model.md 3.4)."""
LIKELY_SCORE_MIN = 0.01
"""Score of a segment query that may show an object without a match (docs/model.md 6.1)."""


@dataclass(frozen=True)
class FrameMatch:
    """What the segmenter's own queries show: `rows (B, O)` matched, `shown (B, Q)` objects."""

    rows: Tensor
    shown: Tensor


@dataclass(frozen=True)
class FrameRows:
    """The rows of one tracker on one frame, as the loss takes them.

    Attributes:
        states: `L` tensors `(B, R, C)`, after every layer.
        objects: `(B, R)` int64 object of each row or `UNMATCHED`.
        valid: `(B, R)` bool, False for padding.
        visible: `(B, O)` bool, objects that the tracker is to see on this frame.
        frame: number of the frame in the clip.
        num_tracks: the first rows, which are tracks; anchors or background follow.
    """

    states: list[Tensor]
    objects: Tensor
    valid: Tensor
    visible: Tensor
    frame: int
    num_tracks: int


class Rollout:
    """Runs the trackers over segmented clips and notes what the loss needs."""

    def __init__(
        self, tracker: QueryTracker, recipe: TrackerRecipe, cost: MatchCost, short: bool
    ) -> None:
        self._tracker, self._recipe, self._cost, self._short = tracker, recipe, cost, short

    def run(
        self,
        frames: list[SegmenterOutput],
        clip: ClipBatch,
        query_features: Tensor,
        generator: torch.Generator,
    ) -> tuple[list[FrameRows], list[FrameRows]]:
        """Return the rows of tracker 1 on every frame and of tracker 2 on all but the first."""
        batch, _, width = frames[0].embeddings.shape
        tracks = no_tracks(batch, width, HISTORY, clip.frames.device)
        first, second = [], []
        gone = torch.full((batch,), UNMATCHED, device=clip.frames.device)
        turns = self._turns(batch, len(frames), generator)
        for number, frame in enumerate(frames):
            targets = clip.frame(number)
            match = self.match_frame(frame, targets, generator)
            if number > 0 and self._recipe.disappearance_anchors:
                gone = self._gone(tracks, gone, turns == number, generator)
                blocked = hidden_queries(match.shown, gone)
                states = self._tracker.decode_slots(
                    tracks.queries, frame.embeddings, query_features, blocked
                )
                second.append(_slot_rows(tracks, states, targets, gone, number))
            states = self._states(tracks, frame, number)
            num_tracks = tracks.objects.shape[1]
            if number == 0:
                objects = objects_of_rows(match.rows, states[-1].shape[1])
            else:
                free = targets.present & ~tracks.held(targets.present.shape[1])
                anchors = states[-1][:, num_tracks:]
                objects = self._match_anchors(frame, anchors, targets, free, generator)
            rows = with_anchors(tracks, states[-1], objects)
            first.append(
                FrameRows(states, rows.objects, rows.valid, targets.present, number, num_tracks)
            )
            if number + 1 < len(frames):
                tracks = self._carry_on(rows, frame, generator)
        return first, second

    @torch.no_grad()
    def match_frame(
        self, frame: SegmenterOutput, targets: FrameTargets, generator: torch.Generator
    ) -> FrameMatch:
        """Match the segmenter's predictions with the objects of the frame."""
        costs = match_costs(
            frame.logits[None], frame.mask_logits[None], targets, self._cost, generator
        )
        rows = assign(costs, targets.present)[0]
        likely = self._tracker.foreground(frame.logits) > LIKELY_SCORE_MIN
        return FrameMatch(rows, shown_objects(costs[0], rows, targets.present, likely))

    def _turns(self, batch: int, num_frames: int, generator: torch.Generator) -> Tensor:
        """Draw the frame `(B,)` on which each clip hides an object, where it is a single one."""
        if self._recipe.disappearance_simulation != "one":
            return torch.zeros(batch, dtype=torch.int64, device=generator.device)
        shape, last = (batch,), max(2, num_frames)
        return torch.randint(1, last, shape, generator=generator, device=generator.device)

    def _gone(
        self, tracks: PaddedTracks, before: Tensor, its_turn: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Return the object `(B,)` that is hidden from tracker 2, `UNMATCHED` for none."""
        if self._short:
            return before
        drawn = draw_disappearing(tracks.objects, self._recipe.min_tracked, generator)
        return hide_over_time(self._recipe.disappearance_simulation, drawn, before, its_turn)

    def _states(self, tracks: PaddedTracks, frame: SegmenterOutput, number: int) -> list[Tensor]:
        """Return states after every layer of tracker 1.

        Differs from reference: the state before the first layer is only supervised where the
        recipe asks for it; for an anchor it is one learned vector, which cannot know what to
        predict.
        """
        first = 0 if self._recipe.supervise_start else 1
        if number == 0:
            return self._tracker.decode_first(frame.embeddings)[first:]
        appearances = self._tracker.pool_appearance(frame.mask_logits, frame.mask_features)
        return self._tracker.decode(tracks.queries, frame.embeddings, appearances)[first:]

    @torch.no_grad()
    def _match_anchors(
        self,
        frame: SegmenterOutput,
        anchors: Tensor,
        targets: FrameTargets,
        free: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Return the objects `(B, Q)` of `anchors (B, Q, C)`, out of the `free` ones `(B, O)`."""
        logits = self._tracker.classify(anchors)[None]
        masks = self._tracker.segment(anchors, frame.mask_features)[None]
        costs = match_costs(logits, masks, targets, self._cost, generator)
        return objects_of_rows(assign(costs, free)[0], anchors.shape[1])

    def _carry_on(
        self, rows: PaddedTracks, frame: SegmenterOutput, generator: torch.Generator
    ) -> PaddedTracks:
        """Choose the rows that are tracks on the next frame, and update their momentum."""
        with torch.no_grad():
            scores = self._tracker.foreground(self._tracker.classify(rows.features))
            keep = self._keep(rows, scores, generator)
        kept, chosen = compact(rows, keep, scores, self._recipe.max_rows)
        with torch.no_grad():
            masks = self._tracker.segment(kept.features, frame.mask_features)
        appearances = self._tracker.pool_appearance(masks, frame.mask_features)
        seen = scores.gather(1, chosen) > self._recipe.keep_score_min
        return remember(kept, appearances, seen)

    def _keep(self, rows: PaddedTracks, scores: Tensor, generator: torch.Generator) -> Tensor:
        """Emergence simulation: which rows stay; the others' objects must emerge again.

        Differs from reference: it keeps a row by its score alone. Here rows with an object are
        also held at a low score (a track in use is not given up at its first miss), and a few of
        them are dropped at a high one, because a tracker that has learned leaves none.
        """
        recipe, matched = self._recipe, rows.objects != UNMATCHED
        if not recipe.emergence_simulation:
            return matched if self._short else matched | keep_above(scores, recipe.keep_score_min)
        if self._short:
            return keep_better_half(scores, matched)
        held = matched & chance((len(scores), 1), recipe.hold_share, generator)
        dropped = matched & chance((*scores.shape,), recipe.drop_share, generator)
        return (keep_above(scores, recipe.keep_score_min) | held) & ~dropped


def _slot_rows(
    tracks: PaddedTracks, states: list[Tensor], targets: FrameTargets, gone: Tensor, number: int
) -> FrameRows:
    """Return tracker 2's rows: the tracks' earlier objects, without the simulated absent one."""
    batch = len(gone)
    spare = states[0].shape[1] - tracks.objects.shape[1]
    objects = torch.cat([tracks.objects, tracks.objects.new_full((batch, spare), UNMATCHED)], 1)
    valid = torch.cat([tracks.valid, tracks.valid.new_ones(batch, spare)], 1)
    items = torch.arange(targets.present.shape[1], device=gone.device)
    visible = targets.present & (items != gone[:, None])
    return FrameRows(states, objects, valid, visible, number, tracks.objects.shape[1])
