"""Who passes the contest for pixels."""

import pytest
import torch

from maskstream_model.tasks.contest import Contest, passed


def contest_of(won, own, shown):
    winners = torch.full((1, 1), -1)
    return Contest(winners, torch.tensor([won]), torch.tensor([own]), torch.tensor([shown]))


@pytest.mark.parametrize(("won", "passes"), [(39, False), (40, True), (41, True)])
def test_a_track_passes_from_exactly_the_least_share_of_its_own_mask_on(won, passes):
    assert passed([contest_of(won, 50, won)], 0.8) == [passes]


def test_shares_are_of_all_frames_that_are_judged_together():
    assert passed([contest_of(10, 50, 10), contest_of(50, 50, 50)], 0.6) == [True]


@pytest.mark.parametrize(("won", "own", "shown"), [(0, 5, 0), (5, 0, 0), (5, 5, 0)])
def test_a_track_that_shows_nothing_does_not_pass(won, own, shown):
    assert passed([contest_of(won, own, shown)], 0.0) == [False]
