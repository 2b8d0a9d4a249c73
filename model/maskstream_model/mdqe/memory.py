"""The memory of one video: tracks, and what clips said of frames that are not final yet.

Where the reference sums mask logits, `(N, T, H, W)`, this sums their coefficients, `(N, T, M)`: the
mask features of a frame are the same for all clips, so that both sums say the same.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from maskstream_model.mdqe.config import MdqeConfig

HISTORY = 3
"""Clips whose embeddings make that of a track."""
HISTORY_GROWTH = 0.25
UNSEEN = -1


@dataclass(frozen=True)
class MdqeMemory:
    """Memory of a video so far; immutable.

    Integers of tracks are on the CPU, everything else on the model's device.

    Attributes:
        track_ids: `(N,)` int64, ascending.
        birth_frames: `(N,)` int64, number from 0 of the first frame that shows a track; `UNSEEN`.
        birth_windows: `(N,)` int64, the window of a track's first clip, from 0.
        missed_clips: `(N,)` int64, clips since the last that had a track.
        embeds: `(N, C)` what a track is compared by.
        recent: `(N, HISTORY, C)` embeddings of the last clips of this window, the newest last;
            zeros where a clip had not the track.
        recent_counts: `(N, HISTORY)` 1 where it had.
        coefficients: `(N, n, M)` sums over clips, of the frames from `num_frames` on.
        frame_counts: `(N, n)` how many clips.
        class_sums: `(N, K)` class scores, a sum over the clips of this window.
        class_counts: `(N,)` how many clips.
        window_sums: `(N, K)` mean class scores of earlier windows, their sum.
        window_max: `(N, K)` the largest of them.
        num_frames: frames that are final.
        num_pending: frames after these that a clip has seen.
        window: number of this window, from 0.
        entries: entries that `recent` has had.
        next_track_id: id of the next new track.
    """

    track_ids: Tensor
    birth_frames: Tensor
    birth_windows: Tensor
    missed_clips: Tensor
    embeds: Tensor
    recent: Tensor
    recent_counts: Tensor
    coefficients: Tensor
    frame_counts: Tensor
    class_sums: Tensor
    class_counts: Tensor
    window_sums: Tensor
    window_max: Tensor
    num_frames: int = 0
    num_pending: int = 0
    window: int = 0
    entries: int = 0
    next_track_id: int = 1

    @property
    def num_tracks(self) -> int:
        """`N`."""
        return len(self.track_ids)

    def select(self, rows: Tensor) -> "MdqeMemory":
        """Return the memory of some tracks, by indices or bool on the CPU."""
        chosen: dict[str, Any] = {
            name: value[rows.to(value.device)] for name, value in self.columns().items()
        }
        return replace(self, **chosen)

    def columns(self) -> dict[str, Tensor]:
        """Return all that has a row for each track, by name."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    def answered(self, frames: int) -> "MdqeMemory":
        """Return the memory after so many pending frames have become final."""
        return replace(
            self,
            coefficients=_moved(self.coefficients, frames),
            frame_counts=_moved(self.frame_counts, frames),
            num_frames=self.num_frames + frames,
            num_pending=self.num_pending - frames,
        )

    def remembered(self, embeds: Tensor, counts: Tensor) -> "MdqeMemory":
        """Return the memory with another entry `(N, C)` of its history; counts are `(N,)`."""
        return replace(
            self,
            recent=torch.cat([self.recent[:, 1:], embeds[:, None]], 1),
            recent_counts=torch.cat([self.recent_counts[:, 1:], counts[:, None]], 1),
            entries=self.entries + 1,
        )

    def history(self) -> Tensor:
        """Return `(N, C)`: the mean of recent embeddings; newer ones count more."""
        steps = torch.arange(HISTORY, device=self.recent.device)
        weights = (HISTORY_GROWTH * steps).exp() * self.recent_counts
        total = weights.sum(1, keepdim=True).clamp(min=1)
        return (weights[..., None] * self.recent).sum(1) / total

    def class_means(self) -> Tensor:
        """Return `(N, K)`: the mean class scores of this window; 0 where no clip had a track."""
        return self.class_sums / self.class_counts.clamp(min=1)[:, None]


def initial_memory(config: MdqeConfig, device: torch.device) -> MdqeMemory:
    """Return the memory of a video before its first frame."""
    return new_tracks(config, 0, 1, device)


def new_tracks(config: MdqeConfig, count: int, first_id: int, device: torch.device) -> MdqeMemory:
    """Return the memory of tracks that no clip has had yet, with ids from `first_id` on."""
    floats: dict[str, Any] = {
        name: torch.zeros(count, *shape, device=device)
        for name, shape in float_shapes(config).items()
    }
    return MdqeMemory(
        track_ids=torch.arange(first_id, first_id + count),
        birth_frames=torch.full((count,), UNSEEN),
        birth_windows=torch.zeros(count, dtype=torch.int64),
        missed_clips=torch.zeros(count, dtype=torch.int64),
        **floats,
    )


def float_shapes(config: MdqeConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape that each float of a memory has for one track."""
    network, classes, frames = config.network, config.num_classes, config.online.clip_frames
    return {
        "embeds": (network.width,),
        "recent": (HISTORY, network.width),
        "recent_counts": (HISTORY,),
        "coefficients": (frames, network.mask_width),
        "frame_counts": (frames,),
        "class_sums": (classes,),
        "class_counts": (),
        "window_sums": (classes,),
        "window_max": (classes,),
    }


def next_window(memory: MdqeMemory, window: int) -> MdqeMemory:
    """Return the memory at the start of a window: what was said so far counts as one clip.

    Of tracks that no clip saw on a pending frame no score and no recent embedding goes over.
    """
    means = memory.class_means()
    seen = (memory.frame_counts > 0).float()
    over = seen.amax(1)
    fresh = replace(
        memory,
        coefficients=memory.coefficients / memory.frame_counts.clamp(min=1)[..., None],
        frame_counts=seen,
        class_sums=means * over[:, None],
        class_counts=over,
        window_sums=memory.window_sums + means,
        window_max=torch.maximum(memory.window_max, means),
        recent=torch.zeros_like(memory.recent),
        recent_counts=torch.zeros_like(memory.recent_counts),
        window=window,
    )
    return fresh.remembered(memory.history() * over[:, None], over)


def _moved(values: Tensor, frames: int) -> Tensor:
    """Return `(N, n, ...)` without the first frames, and with as many zeros behind."""
    return torch.cat([values[:, frames:], torch.zeros_like(values[:, :frames])], 1)
