"""When a query's track begins, is missed and ends, and which id it has (decision 0073)."""

from dataclasses import replace

import pytest
import torch

from maskstream_model.port import TrackStatus
from maskstream_model.videomt.config import VideomtRules
from maskstream_model.videomt.network import VideomtOutput
from maskstream_model.videomt.state import initial_state
from maskstream_model.videomt.tracks import follow
from support.videomt import small_config

EMERGED, TRACKED, MISSED, DISAPPEARED = map(int, TrackStatus)
QUERIES = 20
CONFIG = small_config()
RULES = VideomtRules(emergence_score_min=0.6, tracked_score_min=0.4, max_missed_frames=2)


def said(**scores):
    """An output whose queries, as q3=0.9, have these scores for class 2, and others none."""
    logits = torch.full((QUERIES, 26), -30.0)
    logits[:, -1] = 0.0
    for name, score in scores.items():
        row = int(name.removeprefix("q"))
        logits[row, 2] = torch.logit(torch.tensor(score))
    masks = torch.arange(QUERIES).float()[:, None, None].expand(-1, 8, 8) + 1
    return VideomtOutput(logits, masks, torch.ones(QUERIES, 64))


def run(frames, rules=RULES, limits=None):
    """Return (id, status, age) of each frame's tracks, the outputs, and the last state."""
    state = initial_state(CONFIG, torch.zeros(QUERIES, 64))
    seen, outputs = [], []
    for time, frame in enumerate(frames):
        limit = None if limits is None else limits[time]
        output, state = follow(said(**frame), state, rules, (30, 32), limit)
        columns = (output.track_ids, output.status, output.ages)
        seen.append(list(zip(*(column.tolist() for column in columns), strict=True)))
        outputs.append(output)
    return seen, outputs, state


def test_a_track_has_the_number_of_its_query():
    seen, outputs, state = run([{"q3": 0.9, "q7": 0.5}, {"q3": 0.5, "q7": 0.7}])
    assert seen == [[(4, EMERGED, 1)], [(4, TRACKED, 2), (8, EMERGED, 1)]]
    assert outputs[1].labels.tolist() == [2, 2]
    assert outputs[1].mask_logits[:, 0, 0].tolist() == [4.0, 8.0]
    assert (outputs[1].resized, outputs[1].padded) == ((30, 32), (32, 32))
    assert state.num_frames == 2
    assert state.queries[0, 0] == 1


def test_scores_on_a_threshold_are_below_it():
    assert run([{"q0": 0.5}], replace(RULES, emergence_score_min=0.5))[0] == [[]]


def test_a_query_that_shows_something_again_in_time_continues():
    seen, _, state = run([{"q0": 0.9}, {}, {"q0": 0.5}, {}])
    assert [frame[0][1] for frame in seen] == [EMERGED, MISSED, TRACKED, MISSED]
    assert state.missed_frames[0] == 1


def test_a_track_that_ended_has_left_its_id_and_the_next_of_its_query_has_another():
    frames = [{"q5": 0.9}, {}, {}, {"q5": 0.9}, {}, {}, {"q5": 0.8}]
    seen, outputs, state = run(frames)
    assert [frame[0][:2] for frame in seen] == [
        (6, EMERGED),
        (6, MISSED),
        (6, DISAPPEARED),
        (26, EMERGED),
        (26, MISSED),
        (26, DISAPPEARED),
        (46, EMERGED),
    ]
    assert [frame[0][2] for frame in seen] == [1, 2, 3, 1, 2, 3, 1]
    assert not outputs[2].mask_logits.any()
    assert not outputs[2].logits.any()
    assert torch.equal(outputs[2].mean_logits, outputs[1].mean_logits)
    assert torch.equal(state.logit_sums[5], said(q5=0.8).logits[5])
    assert not state.logit_sums[4].any()


def test_without_a_limit_of_missed_frames_no_track_ends():
    rules = replace(RULES, max_missed_frames=None)
    seen, _, _ = run([{"q0": 0.9}, *[{}] * 400, {"q0": 0.9}], rules)
    assert seen[-1] == [(1, TRACKED, 402)]


def test_a_tracks_score_is_of_its_mean_logits_since_birth():
    seen, outputs, _ = run([{}, {"q1": 0.9}, {"q1": 0.7}, {}])
    assert [len(frame) for frame in seen] == [0, 1, 1, 1]
    rows = [said(q1=0.9).logits[1], said(q1=0.7).logits[1], said().logits[1]]
    mean = torch.stack(rows).mean(0)
    torch.testing.assert_close(outputs[3].mean_logits[0], mean)
    torch.testing.assert_close(outputs[3].scores[0], mean.softmax(-1)[:-1].max())
    torch.testing.assert_close(outputs[1].scores, torch.tensor([0.9]))


def test_the_best_newcomers_are_taken_where_tracks_are_limited():
    frames = [{"q1": 0.7, "q2": 0.9, "q3": 0.9, "q4": 0.8}, {"q1": 0.9, "q2": 0.9}]
    seen, outputs, _ = run(frames, limits=[2, 3])
    assert seen[0] == [(3, EMERGED, 1), (4, EMERGED, 1)]
    assert outputs[0].num_refused == 2
    assert seen[1] == [(2, EMERGED, 1), (3, TRACKED, 2), (4, MISSED, 2)]
    assert outputs[1].num_refused == 0


def test_a_track_that_ends_makes_place_for_a_newcomer():
    frames = [{"q0": 0.9}, {"q1": 0.9}, {"q1": 0.9}]
    seen, outputs, _ = run(frames, limits=[1, 1, 1])
    assert seen[2] == [(1, DISAPPEARED, 3), (2, EMERGED, 1)]
    assert [output.num_refused for output in outputs] == [0, 1, 0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("emergence_score_min", 1.5), ("max_missed_frames", 0), ("min_size", "448")],
)
def test_rules_out_of_range_are_refused_with_a_sentence(name, value):
    from maskstream_model.errors import ConfigError

    with pytest.raises(ConfigError, match=f"{name} must"):
        CONFIG.override(**{name: value})
