"""TrackerState as safetensors bytes, and back (SPEC.md 3.5).

The header's metadata has one entry, JSON text with the schema number, the model's fingerprint and
the two counters: one, because the library writes several in a random order, and equal states shall
be equal bytes. Reading refuses everything that `state_to_bytes` of this very model would not have
written; nothing is guessed.
"""

import json
from dataclasses import asdict, dataclass
from itertools import pairwise

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from maskstream_model.config import ModelConfig
from maskstream_model.daq.state import TrackerState
from maskstream_model.errors import StateError

SCHEMA = 1
ENTRY = "tracker_state"
FLOATS = ("queries", "positions", "history", "logit_sums")
INTEGERS = ("track_ids", "birth_frames", "missed_frames", "num_appearances")
MAX_COUNT = 2**62
MAX_VALUE = 1e12
"""Far above what any step gives, far below where products of two values overflow float32."""


@dataclass(frozen=True)
class Facts:
    """What the header tells beside the tensors; the names are those in its JSON text."""

    schema: int
    fingerprint: str
    num_frames: int
    next_track_id: int


def state_to_bytes(state: TrackerState, fingerprint: str) -> bytes:
    """Return `state` as bytes, to be read by the model with this fingerprint."""
    tensors = {
        name: getattr(state, name).detach().cpu().contiguous() for name in (*FLOATS, *INTEGERS)
    }
    facts = Facts(SCHEMA, fingerprint, state.num_frames, state.next_track_id)
    return save(tensors, {ENTRY: json.dumps(asdict(facts))})


def state_from_bytes(
    blob: bytes, config: ModelConfig, fingerprint: str, device: torch.device
) -> TrackerState:
    """Read a memory; floats go to `device`.

    Raises:
        StateError: damaged bytes, another schema, another model's state, or numbers that cannot
            belong together.
    """
    facts = _facts(blob)
    if facts.schema != SCHEMA:
        raise StateError(f"state has schema {facts.schema}, this version reads {SCHEMA}")
    if facts.fingerprint != fingerprint:
        raise StateError(f"state belongs to model {facts.fingerprint}, this is model {fingerprint}")
    tensors = _tensors(blob, config)
    state = TrackerState(
        **{name: tensors[name].to(device) for name in FLOATS},
        **{name: tensors[name] for name in INTEGERS},
        num_frames=facts.num_frames,
        next_track_id=facts.next_track_id,
    )
    _check_counts(state, config)
    _check_history(state)
    return state


def _facts(blob: bytes) -> Facts:
    """Read the header by itself: the library gives metadata only for files."""
    try:
        header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])
        (entry,) = header["__metadata__"].items()
        facts = Facts(**json.loads(entry[1]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StateError("state is damaged: its header cannot be read") from error
    if entry[0] != ENTRY or type(facts.fingerprint) is not str:
        raise StateError(f"state is damaged: its header has no right {ENTRY}")
    for name, count in (
        ("schema", facts.schema),
        ("num_frames", facts.num_frames),
        ("next_track_id", facts.next_track_id),
    ):
        if type(count) is not int or not 0 <= count < MAX_COUNT:
            raise StateError(f"state has {name} {count!r}, which is no count")
    return facts


def _tensors(blob: bytes, config: ModelConfig) -> dict[str, Tensor]:
    try:
        tensors = load(blob)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise StateError(f"state is damaged: {error}") from error
    missing = sorted({*FLOATS, *INTEGERS} - set(tensors))
    leftover = sorted(set(tensors) - {*FLOATS, *INTEGERS})
    if missing or leftover:
        raise StateError(f"state lacks {missing or 'nothing'} and has unknown {leftover or 'none'}")
    num_tracks = tensors["track_ids"].numel()
    for name, shape in _shapes(config).items():
        _check_tensor(name, tensors[name], (num_tracks, *shape))
    return tensors


def _shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of one track's row of each tensor."""
    dim = config.segmenter.hidden_dim
    return {
        "queries": (dim,),
        "positions": (dim,),
        "history": (config.online.appearance_window, dim),
        "logit_sums": (config.num_classes + 1,),
        **dict.fromkeys(INTEGERS, ()),
    }


def _check_tensor(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    dtype = torch.float32 if name in FLOATS else torch.int64
    if tensor.dtype != dtype or tuple(tensor.shape) != shape:
        raise StateError(
            f"state has {name} of {tensor.dtype} {tuple(tensor.shape)}, must be {dtype} {shape}"
        )
    if name in FLOATS and not (tensor.abs() <= MAX_VALUE).all():
        raise StateError(f"state has numbers in {name} that are not finite or beyond {MAX_VALUE}")


def _check_counts(state: TrackerState, config: ModelConfig) -> None:
    """Check that ids, frames and counters could have come about together."""
    ids, births, ages = state.track_ids.tolist(), state.birth_frames.tolist(), state.ages.tolist()
    missed, seen = state.missed_frames.tolist(), state.num_appearances.tolist()
    rules = {
        "track ids must ascend from 1 to below the next id": (
            all(before < after for before, after in pairwise([0, *ids, state.next_track_id]))
        ),
        "births must follow the order of ids and lie within the frames seen": (
            all(before <= after for before, after in pairwise([0, *births]))
            and all(age >= 1 for age in ages)
        ),
        "missed frames must be fewer than make a track disappear": (
            all(0 <= count < config.online.max_missed_frames for count in missed)
        ),
        "appearances must be at least one, and with missed frames at most the age": (
            all(count >= 1 for count in seen)
            and all(n + m <= age for n, m, age in zip(seen, missed, ages, strict=True))
        ),
        "a state without frames must have no ids": (
            state.num_frames > 0 or state.next_track_id == 1
        ),
    }
    for sentence, holds in rules.items():
        if not holds:
            raise StateError(f"state is inconsistent: {sentence}")


def _check_history(state: TrackerState) -> None:
    """Check that free slots of the rings are empty."""
    slots = torch.arange(state.history.shape[1])
    free = (slots >= state.num_appearances[:, None]).to(state.history.device)
    if (state.history[free] != 0).any():
        raise StateError("state is inconsistent: free history slots must be zeros")
