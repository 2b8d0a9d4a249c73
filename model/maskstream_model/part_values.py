"""Values of a memory as bytes of its parts, and checks of those that are restored.

Parts are not trusted: what no step of this model returns is a StateError.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from maskstream_model.checkpoint import listed
from maskstream_model.errors import StateError

MAX_COUNT = 2**62
MAX_VALUE = 1e12
"""Far above what any step returns, far below where products of two values overflow float32."""


def float_array(tensor: Tensor) -> npt.NDArray[np.float32]:
    """Return a tensor as float32 of little endian, on the CPU."""
    return tensor.detach().cpu().contiguous().numpy().astype("<f4", copy=False)


def float_bytes(tensor: Tensor) -> bytes:
    """Return a tensor as bytes of float32, little endian, row by row."""
    return float_array(tensor).tobytes()


def half_bytes(tensor: Tensor) -> bytes:
    """Return a tensor as bytes of float16, little endian, row by row."""
    return tensor.detach().cpu().contiguous().numpy().astype("<f2", copy=False).tobytes()


def floats_from(
    parts: Mapping[str, bytes], name: str, shape: tuple[int, ...], half: bool = False
) -> npt.NDArray[np.floating[Any]]:
    """Read what `float_bytes` wrote, or `half_bytes`; the array is read-only.

    Raises:
        StateError: another size, or values that are not finite or absurdly large.
    """
    kind = np.dtype("<f2" if half else "<f4")
    blob, wanted = parts[name], kind.itemsize * int(np.prod(shape))
    if len(blob) != wanted:
        raise StateError(f"state has {name} of {len(blob)} bytes, must be {wanted}")
    values = np.frombuffer(blob, kind).reshape(shape)
    most = float(np.finfo(kind).max) if half else MAX_VALUE
    if not (np.abs(values) <= most).all():
        raise StateError(f"state has numbers in {name} that are not finite or beyond {most}")
    return values


def check_names(parts: Mapping[str, bytes], expected: set[str]) -> None:
    """Raise StateError unless there are exactly the parts that are expected."""
    missing, leftover = sorted(expected - set(parts)), sorted(set(parts) - expected)
    if missing or leftover:
        lacks, has = listed(missing) or "nothing", listed(leftover) or "none"
        raise StateError(f"state lacks {lacks} and has unknown {has}")


def check_count(name: str, value: object) -> None:
    """Raise StateError unless a value from JSON is a whole number in range."""
    if type(value) is not int or not 0 <= value < MAX_COUNT:
        raise StateError(f"state has {name} {str(value)[:40]}, which is no count")


def check_owner(schema: object, known: int, fingerprint: object, own: str) -> None:
    """Raise StateError unless this version of this very model wrote a state."""
    if type(fingerprint) is not str:
        raise StateError("state is damaged: its facts name no model")
    if schema != known:
        raise StateError(f"state has schema {schema}, this version reads {known}")
    if fingerprint != own:
        raise StateError(f"state belongs to model {fingerprint}, this is model {own}")


def check_consistent(rules: Mapping[str, bool], num_tracks: int, max_tracks: int | None) -> None:
    """Raise StateError where a rule, by its sentence, does not hold, or tracks are too many."""
    for sentence, holds in rules.items():
        if not holds:
            raise StateError(f"state is inconsistent: {sentence}")
    if max_tracks is not None and num_tracks > max_tracks:
        raise StateError(f"state has {num_tracks} tracks; at most {max_tracks} are allowed")
