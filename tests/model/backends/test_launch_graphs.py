"""CUDA graphs, with recordings that are made up: fixed memory, padded batches, copies out."""

import pytest
import torch

from maskstream_model.backends.interface import Source
from maskstream_model.backends.launch_graphs import LaunchGraphs, bucket_sizes

SOURCE = Source(
    torch.nn.Identity(), ("sum", "double"), [torch.zeros(6, 3), torch.zeros(6)], "float32"
)


def engine(rows, numbers):
    return rows.sum(1) + numbers, rows * 2


class Recordings:
    """Stand in for `capture`: a replay reads the memory of inputs and writes that of outputs."""

    def __init__(self):
        self.sizes, self.replays = [], []

    def __call__(self, engine, inputs):
        self.sizes.append(len(inputs[0]))
        outputs = [each.clone() for each in engine(*inputs)]

        def replay():
            self.replays.append(len(inputs[0]))
            for place, value in zip(outputs, engine(*inputs), strict=True):
                place.copy_(value)

        return replay, outputs


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])],
)
def test_sizes_are_powers_of_two_and_the_largest(most, sizes):
    assert bucket_sizes(most) == sizes


def test_a_batch_runs_in_the_next_size_and_its_results_are_its_own():
    recordings = Recordings()
    graphs = LaunchGraphs(engine, SOURCE, recordings)
    assert recordings.sizes == [6, 4, 2, 1]
    generator = torch.Generator().manual_seed(0)
    held = []
    for batch in (1, 2, 3, 4, 5, 6, 3):
        inputs = torch.randn(batch, 3, generator=generator), torch.randn(batch, generator=generator)
        outputs = graphs(*inputs)
        held.append((outputs, engine(*inputs)))
    assert recordings.replays == [1, 2, 4, 4, 6, 6, 4]
    for outputs, expected in held:  # also those of earlier calls
        for ours, right in zip(outputs, expected, strict=True):
            assert torch.equal(ours, right)
