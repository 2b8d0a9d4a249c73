"""One object, one track: the rule on masks alone, and on a model that duplicates every object."""

from dataclasses import replace

import pytest
import torch

from maskstream_model.config import OnlineConfig
from maskstream_model.daq.duplicates import find_duplicates, mask_ious, suppress_duplicates
from maskstream_model.daq.lifecycle import Decisions
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.presets import preset, preset_names
from maskstream_model.port import TrackStatus
from support.tiny import tiny_frames, tiny_model

RULES = OnlineConfig(double_iou_max=0.5)
PLACES = {"left": (0, 4), "almost left": (1, 4), "right": (6, 10), "nowhere": (0, 0)}


def _mask(place: str) -> torch.Tensor:
    first, last = PLACES[place]
    mask = torch.zeros(4, 12, dtype=torch.bool)
    mask[:, first:last] = True
    return mask


def _masks(*places: str) -> torch.Tensor:
    return torch.stack([_mask(place) for place in places])


def _ious(*places: str) -> torch.Tensor:
    return mask_ious(_masks(*places))


def _decisions(seen: list[bool], missed: list[int], born: list[int]) -> Decisions:
    nobody = torch.zeros(len(seen), dtype=torch.bool)
    return Decisions(torch.tensor(seen, dtype=torch.bool), nobody, _ints(missed), _ints(born), 0)


def _ints(values: list[int]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int64)


def test_iou_of_masks_is_shared_over_joined_area() -> None:
    ious = mask_ious(_masks("left", "almost left", "right"))
    assert torch.allclose(ious, torch.tensor([[1, 0.75, 0], [0.75, 1, 0], [0, 0, 1]]))


def test_empty_masks_are_never_duplicates_of_one_another() -> None:
    assert not find_duplicates(mask_ious(_masks("nowhere", "nowhere")), 0.5).any()


def test_what_overlaps_a_duplicate_alone_stays() -> None:
    ious = torch.tensor([[1, 0.6, 0.2], [0.6, 1, 0.6], [0.2, 0.6, 1]])
    assert find_duplicates(ious, 0.5).tolist() == [False, True, False]


def test_an_anchor_on_a_seen_track_starts_no_track() -> None:
    decisions = _decisions([True], [0], [3, 5])
    result = suppress_duplicates(
        decisions, _ints([0]), RULES, lambda _, __: _ious("left", "almost left", "right")
    )
    assert result.born.tolist() == [5]
    assert result.seen.tolist() == [True]


def test_a_younger_track_on_an_older_one_is_missed_until_it_disappears() -> None:
    patient = replace(RULES, max_missed_frames=2)
    decisions, missed, gone = _decisions([True, True], [0, 0], []), _ints([0, 0]), []
    for _ in range(2):
        result = suppress_duplicates(
            decisions, missed, patient, lambda _, __: _ious("left", "left")
        )
        missed, gone = result.missed_frames, result.gone.tolist()
    assert missed.tolist() == [0, 2]
    assert gone == [False, True]


def test_a_track_that_was_lost_does_not_take_over_what_another_one_shows() -> None:
    result = suppress_duplicates(
        _decisions([True, True], [0, 0], []),
        _ints([2, 0]),
        RULES,
        lambda _, __: _ious("left", "left"),
    )
    assert result.seen.tolist() == [False, True]
    assert result.missed_frames.tolist() == [3, 0]


def test_an_anchor_on_a_track_missed_on_this_frame_alone_recovers_it() -> None:
    result = suppress_duplicates(
        _decisions([True, False], [0, 1], [3, 5]),
        _ints([0, 0]),
        RULES,
        lambda _, __: _ious("right", "left", "almost left", "nowhere"),
    )
    assert result.seen.tolist() == [True, True]
    assert result.missed_frames.tolist() == [0, 0]
    assert result.gone.tolist() == [False, False]
    assert result.born.tolist() == [5]


def test_an_anchor_on_a_track_missed_for_longer_starts_a_track() -> None:
    result = suppress_duplicates(
        _decisions([False], [2], [3]),
        _ints([1]),
        RULES,
        lambda tracks, _: _ious(*["left"] * (len(tracks) + 1)),
    )
    assert result.seen.tolist() == [False]
    assert result.born.tolist() == [3]


def test_an_anchor_recovers_the_oldest_of_the_tracks_it_overlaps() -> None:
    decisions = _decisions([False, False], [1, 1], [3])
    result = suppress_duplicates(
        decisions, _ints([0, 0]), RULES, lambda _, __: _ious("left", "almost left", "left")
    )
    assert result.seen.tolist() == [True, False]
    assert result.missed_frames.tolist() == [0, 1]
    assert result.born.tolist() == []


def test_an_anchor_on_a_seen_track_recovers_no_other() -> None:
    result = suppress_duplicates(
        _decisions([True, False], [0, 1], [3]),
        _ints([0, 0]),
        RULES,
        lambda _, __: _ious("left", "almost left", "left"),
    )
    assert result.seen.tolist() == [True, False]
    assert result.born.tolist() == []


def test_a_track_that_was_not_seen_prevents_no_track_elsewhere() -> None:
    result = suppress_duplicates(
        _decisions([False], [1], [7]), _ints([0]), RULES, lambda _, __: _ious("right", "left")
    )
    assert result.seen.tolist() == [False]
    assert result.born.tolist() == [7]


def test_without_a_limit_nothing_changes_and_no_mask_is_made() -> None:
    def ious_of(tracks: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
        raise AssertionError("no mask is needed")

    decisions = _decisions([True], [0], [1])
    assert suppress_duplicates(decisions, _ints([0]), OnlineConfig(), ious_of) is decisions


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "demo"])
def test_released_models_suppress_nothing_as_the_reference(name: str) -> None:
    assert preset(name).online.double_iou_max is None


def test_the_masks_that_tracks_are_judged_by_are_the_ones_they_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, frames, made = tiny_model(double_iou_max=0.3), tiny_frames(12, seed=1), list[int]()
    segment = model.tracker.segment

    def counted(states: torch.Tensor, mask_features: torch.Tensor) -> torch.Tensor:
        made.append(states.shape[1])
        return segment(states, mask_features)

    monkeypatch.setattr(model.tracker, "segment", counted)
    state = model.begin()
    for frame in frames:
        prepared = model.prepare([frame])
        (output,), (state,) = model.track(prepared.output, [state], prepared.resized)
        shown = output.status <= TrackStatus.TRACKED
        alone = segment(state.queries[None], prepared.output.mask_features)[0]
        torch.testing.assert_close(output.mask_logits[: len(alone)], alone)
        assert made[-1] >= int(shown.sum())
    assert len(made) == len(frames)
    assert sum(made) > len(frames)


def test_no_two_tracks_that_a_frame_shows_overlap() -> None:
    assert _worst_overlap(tiny_model()) > 0.3
    assert _worst_overlap(tiny_model(double_iou_max=0.3)) <= 0.3


def _worst_overlap(model: OnlineDaq) -> float:
    state, worst = model.begin(), 0.0
    for frame in tiny_frames(12, seed=1):
        output, state = model.track_frame(frame, state)
        shown = output.mask_logits[output.status <= TrackStatus.TRACKED] > 0
        worst = max(worst, *mask_ious(shown).tril(-1).flatten().tolist(), 0.0)
    return worst
