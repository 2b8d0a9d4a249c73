"""Runs parts of a model's step, named on its standard input; a script, for any checkout.

Its arguments are a file of frames `(T, height, width, 3)`, a backend, a model and its weights. It
imports what `PYTHONPATH` leads to, so that two checkouts take turns on one machine. Each line names
a part; the answer is the CPU time of the process in seconds: backends have threads of their own.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import torch

from maskstream_model import load_model
from maskstream_model.port import FrameResult, SessionOptions, StepInput

OPTIONS = SessionOptions()
WARM_UP_STEPS = 12
"""Steps before the first measurement: tracks have begun."""
SIDE = 1024
"""Of the matrices whose product other parts are compared with."""


class Steps:
    """One session, with a frame whenever one is asked for."""

    def __init__(self, model: Any, frames: Iterator[Any]) -> None:
        self._model, self._frames = model, frames
        self._state = model.begin(OPTIONS)
        self._results: Sequence[FrameResult] = ()

    def step(self) -> None:
        """Step the next frame."""
        (output,) = self._model.step([StepInput([next(self._frames)], self._state, OPTIONS)])
        self._state, self._results = output.state, output.results

    def crops(self) -> None:
        """Cut out all masks of the last frame."""
        for result in self._results:
            result.masks.crops(np.arange(len(result.tracks.track_ids)), result.size)

    def parts(self) -> None:
        """Turn the state into bytes."""
        self._model.to_parts(self._state)

    def memory_bytes(self) -> int:
        """Return the bytes of the state."""
        return sum(map(len, self._model.to_parts(self._state).values()))

    def whole(self) -> None:
        """Do for a frame all that the engine's thread does."""
        self.step()
        self.crops()
        self.parts()


def parts_of(model: Any, frames: Any) -> Mapping[str, Callable[[], object]]:
    """Return what can be measured of a model, by name."""
    steps = Steps(model, cycle(frames))
    for _ in range(WARM_UP_STEPS):
        steps.whole()
    left, right = torch.rand(2, SIDE, SIDE)
    parts = {
        "product": lambda: left @ right,
        "whole": steps.whole,
        "crops": steps.crops,
        "parts": steps.parts,
    }
    if not hasattr(model, "segmenter"):
        return parts
    seen = list[torch.Tensor]()
    hook = model.segmenter.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    steps.step()
    hook.remove()
    return {**parts, "segmenter": torch.no_grad()(lambda: model.segmenter(seen[0]))}


def run_on(model: Any, name: str, backend: str, size: tuple[int, int]) -> None:
    """Let a model run on a backend; checkouts from before there were any run eagerly alone."""
    from maskstream_model.backends.accelerate import accelerate
    from maskstream_model.backends.execution import Wish
    from maskstream_model.errors import CompileError
    from maskstream_model.families import graph_of

    try:
        accelerate(graph_of(name, model), Wish(backend, frame_sizes=(size,)))
    except CompileError as error:
        sys.exit(f"Error: {error}.")


def main(frames: str, backend: str, name: str, weights: str | None = None) -> None:
    """Print what can be measured, then measure the parts that are named."""
    torch.set_num_threads(1)
    model, pictures = load_model(name, weights), np.load(frames)
    if backend != "eager":
        run_on(model, name, backend, pictures.shape[1:3])
    parts = parts_of(model, pictures)
    print(*parts, flush=True)
    for line in sys.stdin:
        began_s = time.process_time()
        parts[line.strip()]()
        print(time.process_time() - began_s, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
