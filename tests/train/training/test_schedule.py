"""Learning rate, weight decay and averaged weights."""

import pytest
import torch
from torch import nn

from maskstream_model.errors import ConfigError
from maskstream_train.training.recipes import TrackerRecipe
from maskstream_train.training.run_options import Budget
from maskstream_train.training.schedule import (
    AveragedWeights,
    learning_rate_factor,
    parameter_groups,
    step_decay_factor,
)


def test_the_rate_rises_then_falls_along_a_cosine():
    early = [learning_rate_factor(0.0, step, warm_up=4) for step in range(6)]
    assert early == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    late = [learning_rate_factor(share, 1000, 4, floor=0.02) for share in (0.5, 1.0, 2.0)]
    assert late == pytest.approx([0.51, 0.02, 0.02])


def test_the_rate_falls_to_a_tenth_at_each_given_step():
    rates = [step_decay_factor(step, 0, (4, 6), 0.1) for step in (0, 3, 4, 5, 6, 99)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert [step_decay_factor(step, 4, (), 0.1) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]


def test_the_backbone_learns_at_its_own_rate():
    parts = {"backbone": nn.Linear(3, 4), "head": nn.Linear(3, 5)}
    groups = parameter_groups(nn.ModuleDict(parts), 0.05, backbone_factor=0.1)
    rates = {tuple(p.shape): group["rate"] for group in groups for p in group["params"]}
    assert rates == {(4, 3): 0.1, (4,): 0.1, (5, 3): 1.0, (5,): 1.0}
    decays = {tuple(p.shape): group["weight_decay"] for group in groups for p in group["params"]}
    assert decays == {(4, 3): 0.05, (4,): 0.0, (5, 3): 0.05, (5,): 0.0}


def test_norms_biases_and_embeddings_do_not_decay():
    module = nn.ModuleDict(
        {
            "a": nn.Linear(3, 4),
            "b": nn.LayerNorm(4),
            "c": nn.Embedding(5, 4),
            "d": nn.Conv2d(1, 2, 3),
        }
    )
    decayed, plain = parameter_groups(module, 0.05)
    assert [tuple(p.shape) for p in decayed["params"]] == [(4, 3), (2, 1, 3, 3)]
    assert len(plain["params"]) == 5
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.05, 0.0)


def test_frozen_parameters_are_left_out():
    linear = nn.Linear(2, 2).requires_grad_(False)
    assert [group["params"] for group in parameter_groups(linear, 0.1)] == [[], []]


def test_averages_follow_the_weights_and_keep_memory_of_them():
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    averaged = AveragedWeights(module, decay=0.9)
    nn.init.ones_(module.weight)
    averaged.update(step=10_000)
    assert averaged.tensors["weight"].item() == pytest.approx(0.1)
    averaged.update(step=10_000)
    assert averaged.tensors["weight"].item() == pytest.approx(0.19)


def test_early_averages_move_faster():
    module = nn.Linear(1, 1, bias=False)
    averaged = AveragedWeights(module, decay=0.999)
    with torch.no_grad():
        module.weight.fill_(averaged.tensors["weight"].item() + 1)
    start = averaged.tensors["weight"].item()
    averaged.update(step=1)
    assert averaged.tensors["weight"].item() - start == pytest.approx(1 - 2 / 11, rel=1e-4)


def test_a_budget_counts_minutes_or_steps():
    assert Budget(minutes=2).progress(step=999, elapsed_s=60) == 0.5
    assert Budget(steps=10).progress(step=4, elapsed_s=1e9) == 0.4
    assert Budget(steps=10).share(0.25) == Budget(steps=2)


def test_without_decay_averages_are_the_weights_themselves():
    module = nn.Linear(2, 2)
    averaged = AveragedWeights(module, decay=0.0)
    nn.init.normal_(module.weight)
    averaged.update(step=3)
    assert torch.equal(averaged.tensors["weight"], module.weight)


def test_stage_a_ends_after_a_share_of_the_budget_or_after_steps():
    share, steps = TrackerRecipe(short_share=0.2), TrackerRecipe(short_steps=10)
    assert [share.is_short(99, progress) for progress in (0.1, 0.2)] == [True, False]
    assert [steps.is_short(step, 0.9) for step in (9, 10)] == [True, False]


@pytest.mark.parametrize(
    "limits", [{}, {"minutes": 1.0, "steps": 1}, {"minutes": 0.0}, {"steps": -1}]
)
def test_a_budget_is_one_limit_above_zero(limits):
    with pytest.raises(ConfigError, match="budget"):
        Budget(**limits)
