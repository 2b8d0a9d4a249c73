"""Streams for the models of `stand_ins`: pictures of bright colours, and what comes back."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from support.raw_client import RawClient, Result

SIZE = {"codec": 3, "height": 32, "width": 48}


def picture(number: int) -> np.ndarray:
    """Red moves, green is there on some frames, blue never."""
    pixels = np.zeros((SIZE["height"], SIZE["width"], 3), np.uint8)
    pixels[4:12, number : number + 8, 0] = 200
    pixels[20:28, 10:18, 1] = 200 * (number % 5 < 3)
    return pixels


async def stream(client: RawClient, first: int, last: int) -> None:
    """Send the pictures of these numbers."""
    for number in range(first, last + 1):
        await client.send(picture(number).tobytes(), **SIZE)


async def results(client: RawClient, count: int) -> list[Result]:
    """Wait for so many results."""
    return [await client.result() for _ in range(count)]


def said(result: Result) -> list[tuple]:
    """Id, label, status and age of each track."""
    return [(track.id, track.label, track.status, track.age) for track in result.tracks]


@dataclass(frozen=True)
class Stand:
    """A stand-in and what a client says to it."""

    facts: dict[str, Any]
    hello: dict[str, Any]


LATE = Stand({"lookahead": 3}, {})
PROMPTED = Stand({"prompts": "required"}, {"prompts": ["red"]})
BOTH = Stand({"lookahead": 3, "prompts": "required"}, {"prompts": ["red"]})
