"""From the output of a frame's queries to tracks and the memory after it (docs/model.md 10.2).

A query is a track: nothing is matched. Differs from reference: it has no rule for when a track
begins and ends; ours is in docs/decisions/0073.
"""

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.query_slots.slots import SlotDecisions, after_frame, decide, listed
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.videomt.config import VideomtRules
from maskstream_model.videomt.network import VideomtOutput
from maskstream_model.videomt.state import VideomtState


def follow(
    output: VideomtOutput,
    state: VideomtState,
    rules: VideomtRules,
    resized: Size,
    max_tracks: int | None = None,
) -> tuple[FrameOutput, VideomtState]:
    """Return the tracks of a frame and the memory after it.

    Args:
        output: of the network for this frame, without a batch axis.
        state: before the frame.
        rules: of the preset.
        resized: `(height, width)` of the frame in the network, without padding.
        max_tracks: limit of tracks alive; None for none.
    """
    scores = foreground(output.logits).cpu()
    decisions = decide(scores, state, rules, max_tracks)
    after = _remember(output, state, decisions)
    return _listed(output, state, after, decisions, resized), after


def foreground(logits: Tensor) -> Tensor:
    """Return the best class probability `(...)` of logits `(..., K + 1)`, no-object left out."""
    return logits.softmax(-1)[..., :-1].amax(-1)


def _remember(output: VideomtOutput, state: VideomtState, decisions: SlotDecisions) -> VideomtState:
    living = (state.living | decisions.born) & ~decisions.gone
    counted = living.to(output.logits.device)[:, None]
    return VideomtState(
        **after_frame(state, decisions),
        queries=output.queries,
        logit_sums=torch.where(counted, state.logit_sums + output.logits, 0.0),
    )


def _listed(
    output: VideomtOutput,
    before: VideomtState,
    after: VideomtState,
    decisions: SlotDecisions,
    resized: Size,
) -> FrameOutput:
    """Return the living tracks and, for the last time, those that ended, by number of query."""
    slots = listed(before, after, decisions)
    there = slots.rows.to(output.logits.device)
    ended = slots.gone.to(output.logits.device)[:, None]
    # A track that ends is scored by the frames before this one.
    sums = torch.where(ended, before.logit_sums[there], after.logit_sums[there])
    means = sums / (slots.ages - slots.gone.long()).to(sums.device)[:, None]
    height, width = output.mask_logits.shape[1:]
    return FrameOutput(
        track_ids=slots.track_ids,
        status=slots.status,
        logits=output.logits[there].masked_fill(ended, 0.0),
        mean_logits=means,
        mask_logits=output.mask_logits[there].masked_fill(ended[..., None], 0.0),
        scores=foreground(means),
        labels=means[:, :-1].argmax(-1),
        ages=slots.ages,
        resized=resized,
        padded=(4 * height, 4 * width),
        num_refused=decisions.num_refused,
    )
