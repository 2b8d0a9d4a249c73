"""Rows of several sessions as one batch, padded to the longest or to one of a few sizes."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from maskstream_model.daq.state import TrackerState
from maskstream_model.daq.tracker import TrackedQueries
from maskstream_model.transfers import upload


def stack_tracks(states: Sequence[TrackerState]) -> TrackedQueries:
    """Return the tracks of some memories as one batch, padded to the size of a small set."""
    sizes = [state.num_tracks for state in states]
    if len(set(sizes)) == 1:
        features = torch.stack([state.queries for state in states])
        return TrackedQueries(features, torch.stack([state.positions for state in states]))
    num_padded = bucket(max(sizes))
    valid = torch.arange(num_padded) < torch.tensor(sizes)[:, None]  # (N,) < (B, 1) -> (B, N)
    return TrackedQueries(
        torch.stack([_pad(state.queries, num_padded) for state in states]),
        torch.stack([_pad(state.positions, num_padded) for state in states]),
        valid,
    )


def bucket(num_rows: int) -> int:
    """Return the padded size for `num_rows`: 8, 16, 32, 64, then multiples of 64."""
    size = 8
    while size < min(num_rows, 64):
        size *= 2
    return size if num_rows <= size else -(-num_rows // 64) * 64


def _pad(rows: Tensor, num_padded: int) -> Tensor:
    return torch.cat([rows, rows.new_zeros(num_padded - len(rows), rows.shape[1])])


def take(values: Tensor, rows: Sequence[Tensor]) -> Tensor:
    """Return some rows of each session, `(B, longest, ...)`; behind the fewer ones row 0 repeats.

    Args:
        values: `(B, N, ...)`, on any device.
        rows: `B` of `(n,)` int64, on the CPU.
    """
    index = upload(pad_sequence(list(rows), batch_first=True), values.device)
    sessions = torch.arange(len(values), device=values.device)[:, None]
    return values[sessions, index]  # by (B, 1) and (B, longest)
