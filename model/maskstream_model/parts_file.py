"""Named parts of a memory in one file, as `GET /v1/sessions/{session}/state` gives it."""

from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from maskstream_model.errors import StateError
from maskstream_model.memory_bounds import MAX_PARTS, PART_NAME


def parts_to_file(parts: Mapping[str, bytes]) -> bytes:
    """Return the parts as a safetensors file: for each its bytes, a tensor of uint8."""
    return save({name: np.frombuffer(blob, np.uint8) for name, blob in parts.items()})


def parts_from_file(blob: bytes) -> dict[str, bytes]:
    """Read what `parts_to_file` wrote.

    Raises:
        StateError: damaged bytes, or a file of something else.
    """
    try:
        tensors = load(blob)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"state is damaged: {error}") from error
    if len(tensors) > MAX_PARTS:
        raise StateError(f"state has {len(tensors)} parts, at most {MAX_PARTS} are allowed")
    for name, tensor in tensors.items():
        if tensor.dtype != np.uint8 or tensor.ndim != 1 or not PART_NAME.fullmatch(name):
            raise StateError(f"state has a part {name[:64]!r} that is none")
    return {name: tensor.tobytes() for name, tensor in tensors.items()}
