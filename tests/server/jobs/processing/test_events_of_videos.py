"""Rules of a whole video: its lines carry events, the same ones however often it is taken up."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from maskstream_protocol.rules import read_rules
from maskstream_server.jobs.records.record import VideoState
from support.engines import start
from support.fake_video import FakeDecoder, Gate
from support.stand_ins import colored_frames, stand_in
from support.workshop import WISHES, open_workshop

__all__ = ["open_workshop", "start"]

LEFT_HALF = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
RULES = read_rules(
    [
        {"name": "seen", "on": "emerged"},
        {"name": "gone", "on": "disappeared"},
        {"name": "half", "on": "dwelt", "zone": LEFT_HALF, "min_duration_s": 0.1},
        {"name": "many", "on": "count_above", "count": 1},
    ]
)
WISH = replace(WISHES, artifacts=(), rules=RULES)
FRAMES = colored_frames(17)


def events_of(lines: list[dict]) -> list[tuple[int, str]]:
    return [(line["frame"], event["id"]) for line in lines for event in line.get("events", ())]


@pytest.mark.parametrize("lookahead", [0, 3])
@pytest.mark.parametrize("stop_at", [5, 13])
async def test_a_video_that_is_given_back_has_the_events_of_an_undisturbed_one(
    open_workshop, stop_at, lookahead
):
    opened = partial(open_workshop, options=WISH)
    undisturbed = await opened(stand_in(lookahead=lookahead), FakeDecoder(FRAMES))
    assert (await undisturbed.work()).state is VideoState.DONE
    gate = Gate(stop_at)
    shop = await opened(stand_in(lookahead=lookahead), FakeDecoder(FRAMES, on_frame=gate))
    await shop.interrupt(gate, saved=stop_at > 9)
    assert (await shop.work()).state is VideoState.DONE
    assert await shop.lines() == await undisturbed.lines()
    found = events_of(await shop.parsed())
    assert len({name for _, name in found}) == len(found)
    assert {"1.seen.1", "1.gone.1", "1.half.1", "1.many.1"} < {name for _, name in found}


async def test_lines_without_events_are_as_they_always_were(open_workshop):
    shop = await open_workshop(stand_in(), FakeDecoder(FRAMES), replace(WISH, rules=None))
    await shop.work()
    assert all("events" not in line for line in await shop.parsed())
    ruled = await open_workshop(stand_in(), FakeDecoder([np.zeros((8, 8, 3), np.uint8)]), WISH)
    await ruled.work()
    assert all("events" not in line for line in await ruled.parsed())
