"""The tracks of a whole clip (docs/model.md 3.6, "vis")."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maskstream_model.tasks.output import FrameOutput


@dataclass(frozen=True)
class ClipTracks:
    """Tracks of the frames of one call, in order of birth.

    Attributes:
        track_ids: `(N,)` int64, ascending.
        mean_logits: `(N, K + 1)`, mean over the frames of the call that a track lived on.
        stored: `(N, T)` bool, frames that a track lived on (seen or missed).
    """

    track_ids: Tensor
    mean_logits: Tensor
    stored: Tensor


def clip_tracks(outputs: Sequence[FrameOutput], min_frames: int = 5) -> ClipTracks:
    """Collect the tracks of a call.

    Args:
        outputs: one per frame, at least one.
        min_frames: a track that lived for fewer frames, also before the call, and does not reach
            the last one is left out.
    """
    track_ids = torch.unique(torch.cat([output.track_ids[output.living] for output in outputs]))
    sums = outputs[0].logits.new_zeros(len(track_ids), outputs[0].logits.shape[1])
    stored = torch.zeros(len(track_ids), len(outputs), dtype=torch.bool)
    lived = torch.zeros(len(track_ids), dtype=torch.int64)
    for time, output in enumerate(outputs):
        living = output.living
        rows = torch.searchsorted(track_ids, output.track_ids[living])
        sums[rows] += output.logits[living]
        stored[rows, time] = True
        lived[rows] = output.ages[living]
    kept = (lived >= min_frames) | stored[:, -1]
    counts = stored.sum(1, keepdim=True).to(sums.device)
    return ClipTracks(track_ids[kept], (sums / counts)[kept], stored[kept])
