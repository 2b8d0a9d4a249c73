"""Constants that depend on sizes alone: made once, bounded in number, fit for training too."""

import pytest
import torch
from torch.overrides import TorchFunctionMode

from maskstream_model import load_model
from maskstream_model.constants import kept

FACTORIES = {torch.arange, torch.tensor, torch.full, torch.full_like, torch.zeros, torch.ones}


class Factories(TorchFunctionMode):
    """Counts calls that make tensors of nothing, while it is entered."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.count += func in FACTORIES
        return func(*args, **(kwargs or {}))


def test_a_constant_is_made_once_for_each_argument_and_the_oldest_goes():
    made = []
    constant = kept(lambda size: made.append(size) or torch.zeros(size), most=2)
    assert constant(1) is constant(1)
    constant(2)
    constant(3)
    constant(2)
    assert made == [1, 2, 3]
    constant(1)
    assert made == [1, 2, 3, 1]


def test_what_is_made_in_inference_mode_serves_training():
    constant = kept(lambda size: torch.full((size,), 2.0))
    with torch.inference_mode():
        constant(3)
    weight = torch.ones(3, requires_grad=True)
    (weight * constant(3)).sum().backward()
    assert weight.grad.tolist() == [2, 2, 2]


def test_a_traced_graph_makes_its_own_and_leaves_none_behind():
    constant = kept(lambda size: torch.arange(size))

    class Adds(torch.nn.Module):
        def forward(self, x):
            return x + constant(len(x))

    program = torch.export.export(Adds(), (torch.zeros(4),), strict=False)
    assert any("arange" in str(node.target) for node in program.graph.nodes)
    assert constant(4).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("sizes", [[(64, 96)], [(64, 96), (96, 64), (32, 64)]])
def test_a_segmenter_makes_nothing_anew_for_sizes_that_it_has_seen(sizes):
    segmenter = load_model("demo", "random").segmenter
    images = [torch.zeros(1, 3, *size) for size in [*sizes, (96, 96)]]
    counts = []
    with torch.no_grad():
        for rounds in (images[:-1], images[:-1], images[-1:]):
            with Factories() as factories:
                for each in rounds:
                    segmenter(each)
            counts.append(factories.count)
    assert counts[1] == 0
    assert counts[0] > 10 * len(sizes)
    assert counts[2] > 10
