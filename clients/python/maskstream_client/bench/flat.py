"""Whether a frame of a long session costs more than one of a new session: `bench --flat`."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from typing import Any

from maskstream_client.async_client import AsyncClient
from maskstream_client.bench.session import NUM_PARTS, Samples, send_all
from maskstream_client.pictures import Picture


async def measure_flat(
    open_client: Callable[[], AsyncClient], pictures: list[Picture], num_frames: int
) -> dict[str, Any]:
    """Run one session of `num_frames` or a few more, and a new one after each of its tenths.

    Compared is the model's step on the same pictures, seconds apart: a machine that slows down
    slows both.

    Returns:
        `frames` of both, `step_ms` of both after each tenth, their `ratios`, and `ratio`, the
        median of these: 1 where nothing grows.

    Raises:
        ConnectionFailedError, WireError: a session could not be opened or was ended.
    """
    each = NUM_PARTS * len(pictures)
    rounds = math.ceil(num_frames / each)
    long, new = [], []
    async with open_client() as client:
        for _ in range(NUM_PARTS):
            long.append(await _last_round_ms(client, pictures, rounds))
            async with open_client() as beginner:
                new.append(await _last_round_ms(beginner, pictures, 2))
    ratios = [round(one / other, 3) for one, other in zip(long, new, strict=True)]
    return {
        "frames": {"long": each * rounds, "new": each * 2},
        "step_ms": {"long": long, "new": new},
        "ratios": ratios,
        "ratio": median(ratios),
    }


async def _last_round_ms(client: AsyncClient, pictures: list[Picture], rounds: int) -> float:
    """Send all pictures so often; returns the median step of the last time."""
    await send_all(client, pictures * (rounds - 1), Samples())
    last = Samples()
    await send_all(client, pictures, last)
    return round(last.median_ms("infer"), 3)
