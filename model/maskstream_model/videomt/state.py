"""The memory of one video: per query, what the next frame needs (docs/model.md 10.3)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from maskstream_model.videomt.config import VideomtConfig

NO_TRACK = -1


@dataclass(frozen=True)
class VideomtState:
    """Memory of a video so far; immutable.

    Its size is always the same. Integers are on the CPU, floats on the model's device.

    Attributes:
        queries: `(Q, C)` float32, the query tokens of the next frame.
        logit_sums: `(Q, K + 1)` float32, sum of class logits since the birth of a query's track;
            zeros without one.
        track_ids: `(Q,)` int64, id of a query's track, or of the last one that ended; 0: none yet.
        birth_frames: `(Q,)` int64, number of the frame of birth from 0; `NO_TRACK` without a track.
        missed_frames: `(Q,)` int64, consecutive frames up to now without being seen.
        num_frames: frames seen.
    """

    queries: Tensor
    logit_sums: Tensor
    track_ids: Tensor
    birth_frames: Tensor
    missed_frames: Tensor
    num_frames: int

    @property
    def living(self) -> Tensor:
        """Queries with a track, `(Q,)` bool."""
        return self.birth_frames != NO_TRACK

    @property
    def ages(self) -> Tensor:
        """Frames since birth of each track, `(Q,)` int64; 1 on that frame."""
        return self.num_frames - self.birth_frames


def initial_state(config: VideomtConfig, queries: Tensor) -> VideomtState:
    """Return the memory of a video before its first frame; `queries` are the learned ones."""
    count = config.network.num_queries
    none = torch.zeros(count, dtype=torch.int64)
    return VideomtState(
        queries=queries,
        logit_sums=queries.new_zeros(count, config.num_classes + 1),
        track_ids=none,
        birth_frames=torch.full((count,), NO_TRACK),
        missed_frames=none,
        num_frames=0,
    )
