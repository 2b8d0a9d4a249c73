"""The results of the offline model, on a tiny real one."""

import pytest
import torch

from maskstream_model.errors import FrameError
from maskstream_model.port import SessionOptions, StepInput, TrackStatus
from maskstream_model.video import segment_video
from support.double_precision import double_precision
from support.offline import NUM_FRAMES, NUM_ROWS, assert_equal, masks, steps
from support.tiny import SIZE, tiny_frames, tiny_offline_model

ALL_RESULTS = 1000


def test_frames_are_decided_in_order_a_window_late(model, frames):
    decided = [[result.index for result in output.results] for output in steps(model, frames)]
    assert [(number, indices) for number, indices in enumerate(decided, 1) if indices] == [
        (7, [1, 2, 3, 4, 5]),
        (11, [6, 7, 8, 9]),
        (15, [10, 11, 12, 13]),
    ]
    assert model.info.lookahead == 6
    assert tiny_offline_model(window=None).info.lookahead is None


def test_a_track_is_born_with_its_first_mask_and_listed_until_it_disappears(results):
    births: dict[int, int] = {}
    gone: set[int] = set()
    for result in results:
        rows = zip(
            result.tracks.track_ids.tolist(),
            result.tracks.status.tolist(),
            result.tracks.ages.tolist(),
            masks(result),
            strict=True,
        )
        for track, status, age, mask in rows:
            assert track not in gone
            if status == TrackStatus.DISAPPEARED:
                gone.add(track)
                assert not mask.any()
            assert (status == TrackStatus.EMERGED) == (track not in births)
            assert age == result.index - births.setdefault(track, result.index) + 1
            assert mask.any() or births[track] != result.index
    assert sorted(births) == list(range(1, len(births) + 1))
    assert gone


@pytest.mark.parametrize("cut", [2, 5, NUM_FRAMES])
def test_any_cut_into_steps_gives_the_same_in_windows_that_overlap_much(cut):
    """For other windows the laws of the port say it (`tests/model/conformance`)."""
    model, frames = tiny_offline_model(window=6, overlap=4), tiny_frames(NUM_FRAMES, seed=1)
    with double_precision(model.online.segmenter, model.online.tracker, model.refiner):
        expected = list(segment_video(model, frames))
        outputs = list(steps(model, frames, cut=cut))
        found = [result for output in outputs for result in output.results]
        found += model.flush(outputs[-1].state).results
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.index == theirs.index
        assert ours.tracks.track_ids.tolist() == theirs.tracks.track_ids.tolist()
        assert ours.tracks.scores == pytest.approx(theirs.tracks.scores, abs=1e-4)
        assert (masks(ours) != masks(theirs)).mean() < 1e-3


def test_after_a_flush_windows_begin_anew_and_identities_continue(model, frames):
    *_, output = steps(model, frames[:8])
    flushed = model.flush(output.state)
    assert [result.index for result in flushed.results] == [6, 7, 8]
    assert model.committed(flushed.state) == 8
    assert model.flush(flushed.state).results == []
    state = model.from_parts(model.to_parts(flushed.state))
    *_, later = steps(model, frames[8:15], state)
    assert [result.index for result in later.results] == [9, 10, 11, 12, 13]
    shown = set(flushed.results[-1].tracks.track_ids.tolist())
    assert shown & set(later.results[0].tracks.track_ids.tolist())


def test_identities_are_kept_across_windows(frames):
    """Without layers a refiner sees one frame and one row: a cut must change nothing at all.

    Tracks of the first frame stay to the end, so that rows are the same on every CPU.
    """
    staying = {"emergence_score_min": 1.0, "max_missed_frames": NUM_FRAMES, "max_kept": 7}
    rules = {"num_layers": 0, "max_results": ALL_RESULTS, **staying}
    whole = list(segment_video(tiny_offline_model(window=None, **rules), frames))
    cut = list(segment_video(tiny_offline_model(window=6, overlap=2, **rules), frames))
    # Numbers are given in the order of scores, which a window has of its own.
    assert set(tubes(cut).values()) == set(tubes(whole).values())
    assert len(tubes(whole)) == NUM_ROWS


def tubes(results):
    """The masks of each track over the video."""
    found: dict[int, bytes] = {}
    for result in results:
        for track, mask in zip(result.tracks.track_ids.tolist(), masks(result), strict=True):
            found[track] = found.get(track, b"") + mask.tobytes()
    return found


def test_a_track_that_was_shown_stays_shown_while_it_is_a_row(frames):
    few = list(segment_video(tiny_offline_model(max_results=1), frames))
    listed = [set(result.tracks.track_ids.tolist()) for result in few]
    assert len(set.union(*listed)) > 1
    many = list(segment_video(tiny_offline_model(max_results=ALL_RESULTS), frames))
    assert len(listed[-1]) <= len(many[-1].tracks.track_ids)


def test_the_class_of_a_track_is_voted_by_all_windows_so_far(results):
    scores = {}
    for result in results:
        for track, votes in zip(
            result.tracks.track_ids.tolist(), result.tracks.class_scores, strict=True
        ):
            scores.setdefault(track, set()).add(votes.tobytes())
        assert result.tracks.class_scores.argmax(1).tolist() == result.tracks.labels.tolist()
        assert result.tracks.class_scores.max(1).tolist() == result.tracks.scores.tolist()
    assert max(map(len, scores.values())) > 1


@pytest.mark.parametrize("local_attention", [False, True])
def test_a_video_is_read_once_and_no_further_than_needed(frames, local_attention):
    read = []

    def video():
        for number, frame in enumerate(frames):
            read.append(number)
            yield frame

    found = segment_video(tiny_offline_model(local_attention=local_attention), video())
    assert read == []
    ends = {result.index: len(read) for result in found}
    assert [ends[index] for index in (1, 5, 6, 9, 10, 13, 14, 17)] == [7, 7, 11, 11, 15, 15, 17, 17]
    assert read == list(range(NUM_FRAMES))


def test_one_frame_is_a_video(model, frames):
    (result,) = segment_video(model, frames[:1])
    assert (result.index, result.size) == (1, SIZE)
    assert len(result.tracks.track_ids) > 0


def test_a_video_without_tracks_has_naive_sequences(frames):
    untracked = tiny_offline_model(first_frame_score_min=1.0, emergence_score_min=1.0)
    found = list(segment_video(untracked, frames[:8]))
    assert all(0 < len(result.tracks.track_ids) <= NUM_ROWS for result in found)


def test_a_video_without_frames_has_no_results(model):
    assert list(segment_video(model, [])) == []


def test_an_invalid_frame_is_refused_and_the_state_is_kept(model, frames, results):
    *_, output = steps(model, frames[:8])
    with pytest.raises(FrameError, match="a frame must be a numpy array of uint8"):
        model.step([StepInput([None], output.state)])
    found = [result for later in steps(model, frames[8:], output.state) for result in later.results]
    assert_equal(found, results[5:13])


def test_masks_have_the_size_that_is_asked_for():
    model, cut = tiny_offline_model(min_size=32), [frame[:50, :90] for frame in tiny_frames(3, 1)]
    for result in segment_video(model, cut):
        assert result.size == (50, 90)
        assert masks(result, (50, 90)).shape[1:] == (50, 90)
        assert masks(result, (25, 45)).shape[1:] == (25, 45)


def test_results_carry_no_gradients(model, frames):
    assert torch.is_grad_enabled()
    result = next(segment_video(model, frames))
    assert torch.is_grad_enabled()
    assert not result.masks.mask_logits.requires_grad


def test_a_limit_of_tracks_holds_for_the_online_part(model, frames):
    limited = list(segment_video(model, frames[:8], SessionOptions(max_tracks=1)))
    assert sum(result.num_refused for result in limited) > 0


def test_live_frames_get_in_between_the_layers_of_a_refinement(model, frames):
    pauses = []
    *_, output = steps(model, frames[:7], cut=7, pause=lambda: pauses.append(1))
    # Three of the segmenter, one after each frame, and one after each layer and decided frame.
    assert len(pauses) == 3 + 7 + 2 + 5
    pauses.clear()
    assert len(model.flush(output.state, pause=lambda: pauses.append(1)).results) == 2
    assert len(pauses) == 2 + 2


def test_clips_end_where_windows_begin(model):
    assert model.clip_frames(*SIZE, most=9) == 4
    assert model.clip_frames(*SIZE, most=3) == 2
    assert tiny_offline_model(window=6, overlap=1).clip_frames(*SIZE, most=9) == 5
    assert tiny_offline_model(window=None).clip_frames(*SIZE, most=9) == 5
    assert model.batch_key(*SIZE) == model.online.batch_key(*SIZE)
