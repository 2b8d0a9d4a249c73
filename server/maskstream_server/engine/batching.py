"""Which waiting frames form the next batch, and how long to wait for company: pure functions."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

PATIENCE_S = 2.0
"""Longest time that a frame of a whole video waits for those of live sessions."""


@dataclass(frozen=True)
class QueuedRequest:
    """A frame in the queue.

    Attributes:
        session: whose frame; two frames of one session never share a batch.
        shape: what a batch must agree on (padded size, max_tracks).
        since_s: when it came, on the engine's clock.
        live: of a live session; false for whole videos, which have lower priority.
    """

    session: str
    shape: Hashable
    since_s: float
    live: bool = True


def first_class(waiting: Sequence[QueuedRequest], now_s: float) -> list[int]:
    """Return the indices in `waiting` (oldest first) of the frames that go before all others.

    Live ones go first, so that a live frame waits for a part of a video's step at most (see
    `Engine.give_way`); a video whose frame has waited for `PATIENCE_S` has a turn, so that it goes
    on on the busiest server.
    """
    overdue = [n for n, item in enumerate(waiting) if now_s - item.since_s >= PATIENCE_S]
    if any(not waiting[n].live for n in overdue):
        return overdue
    live = [n for n, item in enumerate(waiting) if item.live]
    return live or list(range(len(waiting)))


def next_batch(waiting: Sequence[QueuedRequest], max_batch: int) -> list[int]:
    """Return the indices in `waiting` (oldest first) of the next batch, in order.

    The oldest frame is always in it and decides the shape, so that no session starves.
    """
    chosen: list[int] = []
    sessions: set[str] = set()
    for index, item in enumerate(waiting):
        if len(chosen) == max_batch:
            break
        if item.shape == waiting[0].shape and item.session not in sessions:
            chosen.append(index)
            sessions.add(item.session)
    return chosen


def company_wait_s(
    waiting: Sequence[QueuedRequest], enough: int, window_s: float, now_s: float
) -> float:
    """Return how many seconds to wait for more frames; 0 where the next batch should go now.

    A batch goes when it has `enough` frames (as many as it may hold, or as there are active
    sessions), or when its oldest frame has waited for `window_s`.
    """
    if not waiting or len(next_batch(waiting, enough)) >= enough:
        return 0.0
    return max(0.0, waiting[0].since_s + window_s - now_s)
