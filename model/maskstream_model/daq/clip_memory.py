"""What goes from frame to frame of a video that is to be refined, and its bytes."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.state import TrackerState
from maskstream_model.errors import StateError

TRACKER_PART = "tracker"
PREVIOUS_PART = "previous"


@dataclass(frozen=True)
class ClipMemory:
    """A bounded value, however long the video is.

    Attributes:
        state: of the online model.
        previous: `(Q, C)` segment embeddings in the order of the naive sequences that took them;
            None before the first frame.
    """

    state: TrackerState
    previous: Tensor | None = None

    def to_parts(self, online: OnlineDaq) -> dict[str, bytes]:
        """Return named bytes; `online` is the model that tracks."""
        parts = {TRACKER_PART: online.state_to_bytes(self.state)}
        if self.previous is not None:
            parts[PREVIOUS_PART] = save({PREVIOUS_PART: self.previous.cpu().contiguous()})
        return parts


def clip_memory_from_parts(parts: Mapping[str, bytes], online: OnlineDaq) -> ClipMemory:
    """Read what `ClipMemory.to_parts` wrote.

    Raises:
        StateError: damaged bytes, or the memory of another model.
    """
    if TRACKER_PART not in parts:
        raise StateError("there is no state of the tracker")
    state = online.state_from_bytes(parts[TRACKER_PART])
    if (PREVIOUS_PART in parts) != (state.num_frames > 0):
        raise StateError("the naive sequences do not belong to the state of the tracker")
    blob = parts.get(PREVIOUS_PART)
    return ClipMemory(state, None if blob is None else _previous(blob, online))


def _previous(blob: bytes, online: OnlineDaq) -> Tensor:
    segmenter = online.config.segmenter
    try:
        previous = load(blob)[PREVIOUS_PART]
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise StateError(f"the naive sequences are damaged: {error}") from error
    shape = (segmenter.num_queries, segmenter.hidden_dim)
    if previous.dtype != torch.float32 or tuple(previous.shape) != shape:
        raise StateError(f"naive sequences are {previous.dtype} {tuple(previous.shape)}")
    if not previous.isfinite().all():
        raise StateError("the naive sequences have numbers that are not finite")
    return previous.to(online.device)
