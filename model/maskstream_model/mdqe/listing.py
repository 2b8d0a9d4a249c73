"""From the memory after a clip to the results of frames (docs/model.md 14.5).

A track is listed from the first frame that shows it: where a clip finds an object that only its
last frame has, the frames before it do not mention it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.mdqe.config import MdqeConfig
from maskstream_model.mdqe.memory import UNSEEN, MdqeMemory
from maskstream_model.mdqe.network import EncodedFrames
from maskstream_model.port import Crops, FrameResult, Rows, TrackStatus, TrackTable
from maskstream_model.tasks.axis_plans import plan_aligned_axis
from maskstream_model.tasks.crops import crop_masks

MAX_SHARE = 0.25
"""What the best window counts in a track's class scores; all windows together count the rest."""


@dataclass(frozen=True)
class PendingFrame:
    """A frame that is encoded and not final.

    Attributes:
        encoded: one frame.
        size: `(height, width)` of the picture.
        resized: the same in the network, without padding.
        max_tracks: limit that came with it.
    """

    encoded: EncodedFrames
    size: Size
    resized: Size
    max_tracks: int | None


@dataclass(frozen=True)
class AlignedMasks:
    """Masks that may overlap, resized as the authors do; implements `port.Masks`.

    Attributes:
        mask_logits: `(n, H, W)` at stride 4 of the padded frame.
        padded: `(height, width)` of the frame in the network, with padding.
        resized: the same without padding.
    """

    mask_logits: Tensor
    padded: Size
    resized: Size

    def crops(self, rows: Rows, size: Size, with_logits: bool = False) -> Crops:
        """See `port.Masks`."""
        chosen = self.mask_logits[torch.from_numpy(rows).to(self.mask_logits.device)]
        return crop_masks(
            chosen, self.padded, self.resized, size, with_logits, plan=plan_aligned_axis
        )


def results(
    memory: MdqeMemory, frames: Sequence[PendingFrame], num_finals: int, config: MdqeConfig
) -> tuple[list[FrameResult], MdqeMemory]:
    """Return the results of the frames of a clip, and the memory when some of them are final.

    Args:
        memory: after the clip.
        frames: of the clip, from the first that is not final on.
        num_finals: frames that become final; the results of those after them are provisional.
        config: of the preset.
    """
    found, after, most = list[FrameResult](), memory, config.online.max_missed_clips
    for offset, frame in enumerate(frames):
        logits = mean_masks(memory, frame, offset)
        seen = _shown(logits, frame.resized).cpu()
        number = memory.num_frames + offset
        births = torch.where((memory.birth_frames == UNSEEN) & seen, number, memory.birth_frames)
        memory = replace(memory, birth_frames=births)
        gone = torch.zeros_like(seen) if most is None else memory.missed_clips >= most
        is_final = offset < num_finals
        found.append(_result(memory, frame, logits, (number, seen, gone), config, is_final))
        if offset == 0:
            stay = ~gone
            memory = memory.select(stay)
        if is_final:
            after = memory
    return found, after.answered(num_finals)


def mean_masks(memory: MdqeMemory, frame: PendingFrame, offset: int) -> Tensor:
    """Return `(N, H, W)`: mask logits of a pending frame, means over clips; 0 where none had it."""
    counts = memory.frame_counts[:, offset].clamp(min=1)
    means = memory.coefficients[:, offset] / counts[:, None]
    return torch.einsum("nm,mhw->nhw", means, frame.encoded.mask_features[0])


def video_scores(memory: MdqeMemory) -> Tensor:
    """Return `(N, K)`: class scores over all windows, those before a track's birth as 0."""
    windows = torch.full_like(memory.class_counts, memory.window + 1)
    return _scores(memory, windows)


def _scores(memory: MdqeMemory, windows: Tensor) -> Tensor:
    now = memory.class_means()
    mean = (memory.window_sums + now) / windows[:, None]
    return (1 - MAX_SHARE) * mean + MAX_SHARE * torch.maximum(memory.window_max, now)


def _shown(logits: Tensor, resized: Size) -> Tensor:
    """Return `(N,)` bool: whether a mask has a cell inside the picture."""
    rows, columns = (-(-side // 4) for side in resized)
    return (logits[:, :rows, :columns] > 0).flatten(1).any(1)


def _result(
    memory: MdqeMemory,
    frame: PendingFrame,
    logits: Tensor,
    now: tuple[int, Tensor, Tensor],
    config: MdqeConfig,
    is_final: bool,
) -> FrameResult:
    number, seen, gone = now
    rows = (memory.birth_frames != UNSEEN).nonzero()[:, 0]
    births, place = memory.birth_frames[rows], rows.to(logits.device)
    status = torch.where(seen[rows], int(TrackStatus.TRACKED), int(TrackStatus.MISSED))
    status[births == number] = int(TrackStatus.EMERGED)
    status[gone[rows]] = int(TrackStatus.DISAPPEARED)
    # Scores of the windows of its life: a late birth makes a track no less sure.
    lived = (memory.window + 1 - memory.birth_windows).to(logits.device)
    own = _scores(memory, lived)[place]
    tracks = TrackTable(
        track_ids=memory.track_ids[rows].numpy(),
        labels=own.argmax(1).cpu().numpy(),
        scores=own.amax(1).clamp(0, 1).cpu().numpy(),
        status=status.numpy(),
        ages=(number + 1 - births).numpy(),
        things=np.ones(len(rows), bool),
        mentionable=np.ones(len(rows), bool),
        class_scores=video_scores(memory)[place].clamp(0, 1).cpu().numpy(),
    )
    masks = AlignedMasks(logits[place], frame.encoded.padded, frame.resized)
    return FrameResult(number + 1, frame.size, tracks, masks, final=is_final)
