"""Which frames of a clip, and in which order, a step of the tracker stage sees.

See docs/model.md 6.1.
"""

import numpy as np

MAX_GAP = 3
"""Frames from one to the other of stage A, at most."""
GAP_SHARE = 0.3
"""Chance that a view of a whole clip leaves out a third of the frames."""


def view_frames(num_frames: int, short: bool, draw: np.random.Generator) -> list[int]:
    """Draw which frames of a clip a step sees: forwards or backwards, some with gaps.

    Differs from reference, which sees clips forwards and whole, as `plain_frames` does.

    Args:
        num_frames: `T` of the clip.
        short: stage A, two frames, up to `MAX_GAP` apart.
        draw: random numbers of the step.
    """
    if short and num_frames > 1:
        gap = int(draw.integers(1, min(MAX_GAP, num_frames - 1) + 1))
        start = int(draw.integers(0, num_frames - gap))
        order = [start, start + gap]
    elif draw.random() < GAP_SHARE and num_frames > MAX_GAP:
        chosen = draw.permutation(num_frames)[: num_frames * 2 // 3]
        order = sorted(int(number) for number in chosen)
    else:
        order = list(range(num_frames))
    return order[::-1] if draw.random() < 0.5 else order


def plain_frames(num_frames: int, short: bool, draw: np.random.Generator) -> list[int]:
    """Return all frames of a clip; in stage A two of them, from the first or second on (6.1).

    The arguments are those of `view_frames`.
    """
    if not short or num_frames < 3:
        return list(range(num_frames))[: 2 if short else None]
    start = int(draw.integers(2))
    return [start, start + 1]
