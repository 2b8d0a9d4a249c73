"""From the instances of a clip to tracks: the clip-by-clip tracker (docs/model.md 14.5)."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from maskstream_model.mdqe.config import MATCHED_CLIPS, MdqeConfig
from maskstream_model.mdqe.instances import Instances
from maskstream_model.mdqe.matching import Matches, embed_scores, mask_scores, match
from maskstream_model.mdqe.memory import MdqeMemory, new_tracks, next_window

RECENT_CLIPS = 5
"""Clips, or the frames of one if these are more, for which a track counts as recent."""
NEW_TRACK = 2.0
"""Times the least score of an instance: what starts a track."""


@dataclass(frozen=True)
class LinkedClip:
    """The memory after a clip, and how many new tracks were refused."""

    memory: MdqeMemory
    num_refused: int


def link(
    memory: MdqeMemory,
    found: Instances,
    features: Tensor,
    config: MdqeConfig,
    max_tracks: int | None = None,
) -> LinkedClip:
    """Take a clip of the frames from `memory.num_frames` on; none of them becomes final yet.

    Args:
        memory: before the clip; left as it is.
        found: the clip's instances.
        features: `(T, M, H, W)` mask features of its frames.
        config: of the preset.
        max_tracks: limit of tracks; None for that of the preset alone.
    """
    window = memory.num_frames // config.online.window_frames
    if window > memory.window:
        memory = next_window(memory, window)
    is_first = memory.num_frames == 0
    matches = _matches(memory, found, features, config)
    scores = found.scores.cpu()[matches.others]
    likely = scores > NEW_TRACK * config.online.instance_score_min
    born = matches.others if is_first else matches.others[likely]
    most = config.online.tracks_max
    limit = most if max_tracks is None else min(most, max_tracks)
    taken = born[: max(0, limit - memory.num_tracks)]
    memory, rows = _with_new(memory, matches, taken, config)
    entered = _entered(memory, rows, torch.cat([matches.instances, taken]), found, len(features))
    return LinkedClip(entered, len(born) - len(taken))


def _matches(memory: MdqeMemory, found: Instances, features: Tensor, config: MdqeConfig) -> Matches:
    known = memory.missed_clips < MATCHED_CLIPS
    recent = memory.missed_clips < max(config.online.clip_frames, RECENT_CLIPS)
    both = min(memory.num_pending, len(features))
    stored = torch.einsum("ntm,tmhw->nthw", memory.coefficients[:, :both], features[:both])
    device = stored.device
    return match(
        mask_scores(stored, found.mask_logits[:, :both]).cpu(),
        embed_scores(memory.embeds, found.embeds, known.to(device), recent.to(device)).cpu(),
    )


def _with_new(
    memory: MdqeMemory, matches: Matches, born: Tensor, config: MdqeConfig
) -> tuple[MdqeMemory, Tensor]:
    """Return the memory with new tracks at its end, and the rows of all tracks of the clip."""
    count, known = len(born), memory.num_tracks
    new = new_tracks(config, count, memory.next_track_id, memory.embeds.device)
    new = replace(new, birth_windows=torch.full((count,), memory.window))
    others = new.columns()
    joined: dict[str, Any] = {
        name: torch.cat([values, others[name]]) for name, values in memory.columns().items()
    }
    after = replace(memory, **joined, next_track_id=memory.next_track_id + count)
    return after, torch.cat([matches.tracks, torch.arange(known, known + count)])


def _entered(
    memory: MdqeMemory, rows: Tensor, chosen: Tensor, found: Instances, frames: int
) -> MdqeMemory:
    """Return the memory in which tracks `rows (P,)` have the instances `chosen (P,)`."""
    place, chosen = rows.to(memory.embeds.device), chosen.to(memory.embeds.device)
    missed = memory.missed_clips + 1
    missed[rows] = 0
    counts = torch.zeros_like(memory.class_counts)
    counts[place] = 1
    entry = torch.zeros_like(memory.embeds)
    entry[place] = found.embeds[chosen]
    coefficients, frame_counts = memory.coefficients.clone(), memory.frame_counts.clone()
    coefficients[place, :frames] += found.coefficients[chosen][:, None]
    frame_counts[place, :frames] += 1
    after = replace(
        memory.remembered(entry, counts),
        missed_clips=missed,
        coefficients=coefficients,
        frame_counts=frame_counts,
        class_sums=memory.class_sums.index_add(0, place, found.class_scores[chosen]),
        class_counts=memory.class_counts + counts,
        num_pending=max(memory.num_pending, frames),
    )
    return replace(after, embeds=torch.where(counts[:, None] > 0, after.history(), memory.embeds))
