"""Constants of networks that depend on sizes and a device alone, kept for the next frame."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar, TypeVarTuple

import torch

MAX_SIZES = 4
"""Sizes of frames whose constants a module keeps; the least recently used one makes place."""
Arguments = TypeVarTuple("Arguments")
Constant = TypeVar("Constant")


def kept(
    make: Callable[[*Arguments], Constant], most: int = MAX_SIZES
) -> Callable[[*Arguments], Constant]:
    """Return `make` such that its last `most` results are kept; for a module's `__init__`.

    What torch traces is made anew, so that it becomes part of the graph.

    Args:
        make: from hashable arguments to a value that is never changed.
        most: how many results are kept.
    """

    # Constants that are made in inference mode could not be used in training.
    @lru_cache(most)
    @torch.inference_mode(False)
    def remember(*args: *Arguments) -> Constant:
        return make(*args)

    def constant(*args: *Arguments) -> Constant:
        return make(*args) if torch.compiler.is_compiling() else remember(*args)

    return constant
