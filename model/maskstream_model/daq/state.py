"""The memory of one video: a bounded value that crosses from frame to frame (docs/model.md 3.5)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from maskstream_model.config import ModelConfig
from maskstream_model.track_rows import TrackRows


@dataclass(frozen=True)
class TrackerState(TrackRows):
    """Memory of a video so far; immutable.

    Its size depends on the number of tracks alive, never on the length of the video. All of it is
    on the host, where rules read it and where it is saved; each step takes to the model's device
    what networks read (docs/decisions/0078).

    Attributes:
        queries: `(N, C)` float32, tracked queries: a track's embedding on the last frame.
        positions: `(N, C)` float32, momentum appearances.
        history: `(N, W, C)` float32 ring of the last visible appearances; free slots are zeros.
        logit_sums: `(N, K + 1)` float32, sum of class logits over all frames since birth, as
            many as `ages`.
        num_appearances: `(N,)` int64, appearances ever put into the ring.
    """

    queries: Tensor
    positions: Tensor
    history: Tensor
    logit_sums: Tensor
    num_appearances: Tensor


def initial_state(config: ModelConfig) -> TrackerState:
    """Return the memory of a video before its first frame."""
    dim, window = config.segmenter.hidden_dim, config.online.appearance_window
    none = torch.zeros(0, dtype=torch.int64)
    return TrackerState(
        queries=torch.zeros(0, dim),
        positions=torch.zeros(0, dim),
        history=torch.zeros(0, window, dim),
        logit_sums=torch.zeros(0, config.num_classes + 1),
        track_ids=none,
        birth_frames=none,
        missed_frames=none,
        num_appearances=none,
    )
