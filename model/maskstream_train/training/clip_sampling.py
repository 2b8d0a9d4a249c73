"""Which videos and which of their frames a run sees, by seed and number (docs/model.md 6.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClipSampling:
    """What is cut out of a video.

    Attributes:
        num_frames: `T`, neighbouring frames of one video.
        reverse_share: chance that they come in reverse order.
    """

    num_frames: int = 5
    reverse_share: float = 0.0


def place_of(position: int, lengths: Sequence[int], seed: int) -> tuple[int, int]:
    """Return the source and its video that clip number `position` of a run is taken from.

    Sources take turns; each goes through all its videos in a drawn order, then in another one.

    Args:
        position: number of the clip, from 0 over all batches.
        lengths: videos in each source, at least 1.
        seed: of the run.
    """
    number, source = divmod(position, len(lengths))
    turn, place = divmod(number, lengths[source])
    order = np.random.default_rng([seed, source, turn, 3]).permutation(lengths[source])
    return source, int(order[place])


def frame_numbers(length: int, sampling: ClipSampling, draw: np.random.Generator) -> list[int]:
    """Draw neighbouring frames of a video of `length` frames around one of them.

    A video that is too short is taken whole and completed at the end with frames drawn from it,
    in no order.
    """
    wanted = sampling.num_frames
    if length > wanted:
        start = int(draw.integers(length)) - wanted // 2
        start = min(max(0, start), length - wanted)
        numbers = list(range(start, start + wanted))
    else:
        repeats = draw.integers(length, size=wanted - length)
        numbers = [*range(length), *(int(number) for number in repeats)]
    return numbers[::-1] if draw.random() < sampling.reverse_share else numbers
