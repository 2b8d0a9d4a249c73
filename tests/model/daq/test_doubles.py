"""One object, one track: the rule on masks alone, and on a model that doubles every object."""

from dataclasses import replace

import pytest
import torch

from maskstream_model.config import OnlineConfig
from maskstream_model.daq.doubles import find_doubles, mask_ious, settle_doubles
from maskstream_model.daq.lifecycle import Verdict
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.port import TrackStatus
from maskstream_model.presets import preset, preset_names
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


def _verdict(seen: list[bool], missed: list[int], born: list[int]) -> Verdict:
    nobody = torch.zeros(len(seen), dtype=torch.bool)
    return Verdict(torch.tensor(seen, dtype=torch.bool), nobody, _ints(missed), _ints(born), 0)


def _ints(values: list[int]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int64)


def test_iou_of_masks_is_shared_over_joined_area() -> None:
    ious = mask_ious(_masks("left", "almost left", "right"))
    assert torch.allclose(ious, torch.tensor([[1, 0.75, 0], [0.75, 1, 0], [0, 0, 1]]))


def test_empty_masks_are_never_doubles_of_one_another() -> None:
    assert not find_doubles(mask_ious(_masks("nowhere", "nowhere")), 0.5).any()


def test_what_lies_on_a_double_alone_stays() -> None:
    ious = torch.tensor([[1, 0.6, 0.2], [0.6, 1, 0.6], [0.2, 0.6, 1]])
    assert find_doubles(ious, 0.5).tolist() == [False, True, False]


def test_a_newcomer_on_a_seen_track_is_not_born() -> None:
    verdict = _verdict([True], [0], [3, 5])
    settled = settle_doubles(
        verdict, _ints([0]), RULES, lambda _, __: _masks("left", "almost left", "right")
    )
    assert settled.born.tolist() == [5]
    assert settled.seen.tolist() == [True]


def test_a_younger_track_on_an_older_one_is_missed_until_it_disappears() -> None:
    patient = replace(RULES, max_missed_frames=2)
    verdict, missed, gone = _verdict([True, True], [0, 0], []), _ints([0, 0]), []
    for _ in range(2):
        settled = settle_doubles(verdict, missed, patient, lambda _, __: _masks("left", "left"))
        missed, gone = settled.missed_frames, settled.gone.tolist()
    assert missed.tolist() == [0, 2]
    assert gone == [False, True]


def test_a_track_that_was_lost_does_not_take_over_what_another_one_shows() -> None:
    settled = settle_doubles(
        _verdict([True, True], [0, 0], []),
        _ints([2, 0]),
        RULES,
        lambda _, __: _masks("left", "left"),
    )
    assert settled.seen.tolist() == [False, True]
    assert settled.missed_frames.tolist() == [3, 0]


def test_a_newcomer_on_a_track_lost_on_this_frame_is_that_track_found_again() -> None:
    settled = settle_doubles(
        _verdict([True, False], [0, 1], [3, 5]),
        _ints([0, 0]),
        RULES,
        lambda _, __: _masks("right", "left", "almost left", "nowhere"),
    )
    assert settled.seen.tolist() == [True, True]
    assert settled.missed_frames.tolist() == [0, 0]
    assert settled.gone.tolist() == [False, False]
    assert settled.born.tolist() == [5]


def test_a_newcomer_on_a_track_lost_for_longer_is_somebody_else() -> None:
    settled = settle_doubles(
        _verdict([False], [2], [3]),
        _ints([1]),
        RULES,
        lambda tracks, _: _masks(*["left"] * (len(tracks) + 1)),
    )
    assert settled.seen.tolist() == [False]
    assert settled.born.tolist() == [3]


def test_a_newcomer_finds_the_oldest_of_the_tracks_it_lies_on() -> None:
    verdict = _verdict([False, False], [1, 1], [3])
    settled = settle_doubles(
        verdict, _ints([0, 0]), RULES, lambda _, __: _masks("left", "almost left", "left")
    )
    assert settled.seen.tolist() == [True, False]
    assert settled.missed_frames.tolist() == [0, 1]
    assert settled.born.tolist() == []


def test_a_newcomer_on_a_seen_track_finds_no_other() -> None:
    settled = settle_doubles(
        _verdict([True, False], [0, 1], [3]),
        _ints([0, 0]),
        RULES,
        lambda _, __: _masks("left", "almost left", "left"),
    )
    assert settled.seen.tolist() == [True, False]
    assert settled.born.tolist() == []


def test_a_track_that_was_not_seen_keeps_nobody_from_being_born_elsewhere() -> None:
    settled = settle_doubles(
        _verdict([False], [1], [7]), _ints([0]), RULES, lambda _, __: _masks("right", "left")
    )
    assert settled.seen.tolist() == [False]
    assert settled.born.tolist() == [7]


def test_without_a_limit_nothing_changes_and_no_mask_is_made() -> None:
    def masks_of(tracks: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
        raise AssertionError("no mask is needed")

    verdict = _verdict([True], [0], [1])
    assert settle_doubles(verdict, _ints([0]), OnlineConfig(), masks_of) is verdict


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "demo"])
def test_released_models_suppress_nothing_as_the_reference(name: str) -> None:
    assert preset(name).online.double_iou_max is None


def test_no_two_tracks_that_a_frame_shows_lie_on_one_another() -> None:
    assert _worst_overlap(tiny_model()) > 0.3
    assert _worst_overlap(tiny_model(double_iou_max=0.3)) <= 0.3


def _worst_overlap(model: OnlineDaq) -> float:
    state, worst = model.begin(), 0.0
    for frame in tiny_frames(12, seed=1):
        output, state = model.track_frame(frame, state)
        shown = output.mask_logits[output.status <= TrackStatus.TRACKED] > 0
        worst = max(worst, *mask_ious(shown).tril(-1).flatten().tolist(), 0.0)
    return worst
