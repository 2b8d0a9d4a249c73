"""CUDA graphs: all launches of an engine as one, for fixed sizes of batches."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from maskstream_model.backends.interface import Engine, Source

WARM_UP_CALLS = 3
"""Before a capture: kernels are loaded and workspaces allocated at first calls."""
Replay = Callable[[], object]
Capture = Callable[[Engine, Sequence[Tensor]], tuple[Replay, Sequence[Tensor]]]
"""From an engine and inputs that stay where they are, to a replay and its outputs, likewise."""


def capture(engine: Engine, inputs: Sequence[Tensor]) -> tuple[Replay, Sequence[Tensor]]:
    """Record the launches of one call of an engine on the inputs' device."""
    with torch.cuda.device(inputs[0].device):
        for _ in range(WARM_UP_CALLS):
            engine(*inputs)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = engine(*inputs)
    return graph.replay, outputs


def bucket_sizes(max_batch: int) -> list[int]:
    """Return the sizes of batches that have a graph: powers of two, and the largest."""
    powers = [1 << power for power in range(max_batch.bit_length())]
    return [size for size in powers if size < max_batch] + [max_batch]


class LaunchGraphs:
    """An engine whose batches are padded to the next size that has a graph.

    Args:
        engine: what is recorded.
        source: what it was built from.
        capture: records it; see there.
    """

    def __init__(self, engine: Engine, source: Source, capture: Capture = capture) -> None:
        self._graphs = {
            size: self._captured(engine, source, size, capture)
            # The largest first, so that smaller ones reuse its memory.
            for size in reversed(bucket_sizes(source.max_batch))
        }

    @staticmethod
    def _captured(
        engine: Engine, source: Source, size: int, capture: Capture
    ) -> tuple[Sequence[Tensor], Replay, Sequence[Tensor]]:
        inputs = [each[:size].clone() for each in source.largest]
        return inputs, *capture(engine, inputs)

    def __call__(self, *inputs: Tensor) -> Sequence[Tensor]:
        """Return the outputs for a batch of 1 to the largest size."""
        batch = len(inputs[0])
        own, replay, outputs = self._graphs[min(s for s in self._graphs if s >= batch)]
        for place, given in zip(own, inputs, strict=True):
            # What an earlier batch left in the rows behind it costs nothing: rows are independent.
            place[:batch].copy_(given)
        replay()
        # The next replay writes to the same memory.
        return [each[:batch].clone() for each in outputs]
