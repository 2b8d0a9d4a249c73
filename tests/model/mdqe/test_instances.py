"""Which queries of a clip become instances, by cases worked out by hand."""

import pytest
import torch

from maskstream_model.mdqe.config import MdqeRules
from maskstream_model.mdqe.instances import instances
from maskstream_model.mdqe.network import ClipQueries

RULES = MdqeRules(instance_score_min=0.1)
ANGLE = torch.tensor([0.0, 0.1, 0.2, 1.5])
"""Directions of embeddings: neighbours of the first three have a cosine above 0.99."""


def queries(scores):
    """Four queries, each with a mask feature of its own."""
    embeds = torch.stack([ANGLE.cos(), ANGLE.sin()], 1)
    return ClipQueries(torch.tensor(scores)[:, None], torch.eye(4), embeds)


def features(height=8, width=8):
    """Each feature is high on a quarter of its own, `(1, 4, height, width)`."""
    maps = torch.full((1, 4, height, width), -4.0)
    for place in range(4):
        top, left = (place // 2) * height // 2, (place % 2) * width // 2
        maps[0, place, top : top + height // 2, left : left + width // 2] = 4.0
    return maps


def test_a_query_like_a_better_one_is_left_out_though_that_one_is_left_out_too():
    """The third is like the second alone, which the first leaves out: so does the reference."""
    found = instances(queries([0.9, 0.8, 0.7, 0.6]), features(), RULES)
    assert found.coefficients.argmax(1).tolist() == [0, 3]


def test_a_better_query_is_not_left_out_by_a_worse_one():
    found = instances(queries([0.7, 0.9, 0.8, 0.0]), features(), RULES)
    assert found.coefficients.argmax(1).tolist() == [1]


def test_a_score_is_that_of_the_class_weakened_by_overlap_and_doubt():
    found = instances(queries([0.9, 0.0, 0.0, 0.5]), features(), RULES)
    sure = torch.tensor(4.0).sigmoid()
    doubt = torch.tensor(-4.0).sigmoid()
    # Of 16 cells at half the size 4 are the better mask's: soft values inside and beside it.
    soft_sum, common = 4 * sure + 12 * doubt, 4 * doubt
    overlap = common / (soft_sum + 4 - common + 1)
    expected = [0.9 * sure, 0.5 * (1 - overlap) * sure]
    assert found.scores.tolist() == pytest.approx([float(each) for each in expected], abs=1e-6)


def test_the_best_query_is_an_instance_whatever_its_score_is():
    found = instances(queries([0.01, 0.02, 0.0, 0.0]), features(), RULES)
    assert found.coefficients.argmax(1).tolist() == [1]
