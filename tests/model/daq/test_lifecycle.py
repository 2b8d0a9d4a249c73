"""The rules of births, misses and deaths, as laws on scores."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from maskstream_model.config import OnlineConfig
from maskstream_model.daq.lifecycle import Decisions, Scores, admit, decide, decide_first_frame

RULES = OnlineConfig(
    first_frame_score_min=0.4,
    tracked_score_min=0.3,
    emergence_score_min=0.5,
    keep_score_min=0.2,
    max_missed_frames=3,
)


def score_lists(max_size=12):
    numbers = st.floats(0, 1, width=32)
    return npst.arrays(np.float32, st.integers(0, max_size), elements=numbers).map(torch.from_numpy)


@st.composite
def frames(draw):
    tracked = draw(score_lists())
    keep = torch.from_numpy(
        draw(npst.arrays(np.float32, len(tracked), elements=st.floats(0, 1, width=32)))
    )
    missed = draw(npst.arrays(np.int64, len(tracked), elements=st.integers(0, 2)))
    return Scores(tracked, draw(score_lists()), keep), torch.from_numpy(missed)


limits = st.none() | st.integers(0, 20)


def decide_within(scores: Scores, missed: torch.Tensor, max_tracks: int | None) -> Decisions:
    return admit(decide(scores, missed, RULES), scores.anchors, max_tracks)


def test_a_track_is_seen_when_both_trackers_say_so():
    scores = Scores(
        torch.tensor([0.31, 0.31, 0.29]), torch.zeros(0), torch.tensor([0.21, 0.19, 0.9])
    )
    decisions = decide(scores, torch.tensor([2, 1, 0]), RULES)
    assert decisions.seen.tolist() == [True, False, False]
    assert decisions.missed_frames.tolist() == [0, 2, 1]
    assert not decisions.gone.any()


def test_a_score_at_the_threshold_is_not_enough():
    scores = Scores(torch.tensor([0.3]), torch.tensor([0.5]), torch.tensor([0.2]))
    decisions = decide(scores, torch.tensor([0]), RULES)
    assert decisions.seen.tolist() == [False]
    assert decisions.born.tolist() == []


def test_tracker_2_has_no_say_without_a_threshold():
    rules = RULES.override(keep_score_min=None)
    scores = Scores(torch.tensor([0.31]), torch.zeros(0), torch.tensor([0.0]))
    assert decide(scores, torch.tensor([0]), rules).seen.tolist() == [True]


def test_a_track_disappears_after_the_last_missed_frame_allowed():
    scores = Scores(torch.zeros(3), torch.zeros(0))
    decisions = decide(scores, torch.tensor([0, 1, 2]), RULES)
    assert decisions.gone.tolist() == [False, False, True]


def test_a_full_session_refuses_the_weakest_new_tracks():
    scores = torch.tensor([0.6, 0.9, 0.41, 0.1, 0.7])
    decisions = admit(decide_first_frame(scores, RULES), scores, 2)
    assert decisions.born.tolist() == [1, 4]
    assert decisions.num_refused == 2


def test_a_disappearing_track_makes_room():
    scores = Scores(torch.tensor([0.0, 0.9]), torch.tensor([0.8, 0.6]))
    decisions = decide_within(scores, torch.tensor([2, 0]), 2)
    assert decisions.gone.tolist() == [True, False]
    assert decisions.born.tolist() == [0]
    assert decisions.num_refused == 1


@given(frames(), limits)
def test_the_limit_never_touches_an_existing_track(frame, max_tracks):
    scores, missed = frame
    limited, free = (decide_within(scores, missed, limit) for limit in (max_tracks, None))
    for name in ("seen", "gone", "missed_frames"):
        assert torch.equal(getattr(limited, name), getattr(free, name))


@given(frames(), limits)
def test_new_tracks_are_refused_only_for_lack_of_places_and_the_weakest_first(frame, max_tracks):
    scores, missed = frame
    limited, free = (decide_within(scores, missed, limit) for limit in (max_tracks, None))
    refused = set(free.born.tolist()) - set(limited.born.tolist())
    assert len(refused) == limited.num_refused == len(free.born) - len(limited.born)
    living = int((~limited.gone).sum()) + len(limited.born)
    if refused:
        assert living == max(max_tracks, int((~limited.gone).sum()))
        weakest_admitted = scores.anchors[limited.born].min() if len(limited.born) else 1.0
        assert max(float(scores.anchors[index]) for index in refused) <= weakest_admitted
    assert limited.born.tolist() == sorted(limited.born.tolist())


@given(frames())
def test_no_track_is_seen_and_gone_at_once(frame):
    scores, missed = frame
    decisions = decide(scores, missed, RULES)
    assert not (decisions.seen & decisions.gone).any()
    assert (decisions.missed_frames[decisions.seen] == 0).all()
    assert (decisions.missed_frames[~decisions.seen] == missed[~decisions.seen] + 1).all()


@pytest.mark.parametrize("limit", [None, 5])
def test_nothing_comes_of_nothing(limit):
    decisions = decide_within(Scores(torch.zeros(0), torch.zeros(0)), torch.zeros(0).long(), limit)
    assert len(decisions.seen) == len(decisions.born) == decisions.num_refused == 0
