"""The laws of the offline model, on a tiny real one."""

import json
import weakref

import numpy as np
import psutil
import pytest
import torch

from maskstream_model.daq.clip_rows import clip_rows
from maskstream_model.errors import FrameError, StateError
from maskstream_model.port import SessionOptions, StepInput, TrackStatus
from maskstream_model.video import segment_video
from support.offline import tracked_frames
from support.running import run
from support.tiny import SIZE, tiny_frames, tiny_model, tiny_offline_model

NUM_FRAMES, NUM_ROWS, EVERYBODY = 17, 8, 1000
MIB = 2**20


@pytest.fixture(scope="module")
def frames():
    return tiny_frames(NUM_FRAMES, seed=1)


@pytest.fixture(scope="module")
def model():
    return tiny_offline_model()


@pytest.fixture(scope="module")
def results(model, frames):
    return list(segment_video(model, frames))


@pytest.fixture(scope="module")
def lives(frames):
    """Ids of the tracks alive on each frame, of the online model alone."""
    outputs, _ = run(tiny_model(), frames)
    return [set(output.track_ids[output.status < 3].tolist()) for output in outputs]


def steps(model, frames, state=None, cut=1, pause=None):
    """Results of each step, and the state after it."""
    state = model.begin() if state is None else state
    for first in range(0, len(frames), cut):
        (output,) = model.step([StepInput(frames[first : first + cut], state)], pause)
        state = output.state
        yield output


def masks(result, size=SIZE):
    return result.masks.crops(np.arange(len(result.tracks.track_ids)), size).whole()


def assert_equal(ours, theirs):
    assert [result.index for result in ours] == [result.index for result in theirs]
    for left, right in zip(ours, theirs, strict=True):
        for name, values in vars(left.tracks).items():
            assert np.array_equal(values, getattr(right.tracks, name)), name
        assert np.array_equal(masks(left), masks(right))


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


@pytest.mark.parametrize("rules", [{}, {"window": 6, "overlap": 4}, {"window": None}])
@pytest.mark.parametrize("cut", [2, 5, NUM_FRAMES])
def test_any_cut_into_steps_gives_the_same(rules, cut, monkeypatch):
    # On other frames than these, a value may lie on a threshold.
    model, frames = tiny_offline_model(**rules), tiny_frames(NUM_FRAMES, seed=1)
    expected = list(segment_video(model, frames))
    outputs = list(steps(model, frames, cut=cut))
    found = [result for output in outputs for result in output.results]
    found += model.flush(outputs[-1].state).results
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.index == theirs.index
        assert ours.tracks.track_ids.tolist() == theirs.tracks.track_ids.tolist()
        assert ours.tracks.scores == pytest.approx(theirs.tracks.scores, abs=1e-4)
        assert (masks(ours) != masks(theirs)).mean() < 1e-3


@pytest.mark.parametrize("rules", [{}, {"window": 6, "overlap": 4}])
def test_a_video_resumes_from_its_parts_after_any_frame(rules):
    model, frames = tiny_offline_model(**rules), tiny_frames(NUM_FRAMES, seed=1)
    expected, found, resumed = list(segment_video(model, frames)), [], set()
    for output in steps(model, frames):
        found += output.results
        parts = model.to_parts(output.state)
        state = model.from_parts(parts)
        assert model.to_parts(state) == parts
        first = model.committed(state)
        assert first == model.committed(output.state)
        if first in resumed:
            continue
        resumed.add(first)
        again = list(found)
        for later in steps(model, frames[first:], state):
            again += later.results
            state = later.state
        assert_equal([*again, *model.flush(state).results], expected)
    assert len(resumed) > 3


def test_parts_change_with_windows_only(model, frames):
    parts = [model.to_parts(output.state) for output in steps(model, frames)]
    assert len({json.dumps(sorted(map(hash, each.values()))) for each in parts}) == 4
    assert set(parts[0]) == {"tracker/facts", "tracker/queries", "tracker/positions"} | {
        "tracker/logit_sums",
        "windows",
    }


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

    Whoever is there on the first frame stays to the end, so that rows are the same on every CPU.
    """
    staying = {"emergence_score_min": 1.0, "max_missed_frames": NUM_FRAMES, "max_kept": 7}
    rules = {"num_layers": 0, "max_results": EVERYBODY, **staying}
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
    many = list(segment_video(tiny_offline_model(max_results=EVERYBODY), frames))
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
    nobody = tiny_offline_model(first_frame_score_min=1.0, emergence_score_min=1.0)
    found = list(segment_video(nobody, frames[:8]))
    assert all(0 < len(result.tracks.track_ids) <= NUM_ROWS for result in found)


def test_a_video_without_frames_has_no_results(model):
    assert list(segment_video(model, [])) == []


def test_what_is_no_frame_is_refused_and_the_state_lives_on(model, frames, results):
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


def test_results_do_not_depend_on_who_asks_for_gradients(model, frames):
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


def test_a_track_is_padded_with_its_last_momentum_appearance(model, frames, lives):
    tracked = tracked_frames(model, frames)
    rows = clip_rows(tracked, NUM_ROWS)
    padded = 0
    for row_id, features, absent in zip(
        rows.row_ids.tolist(), rows.features, rows.padded, strict=True
    ):
        assert absent.tolist() == [row_id > 0 and row_id not in alive for alive in lives]
        last = max(time for time in range(NUM_FRAMES) if not absent[time])
        for time in absent.nonzero()[:, 0].tolist():
            row = tracked[last].track_ids.tolist().index(row_id)
            assert torch.equal(features[time], tracked[last].positions[row])
            padded += 1
    assert padded > 5


def test_naive_sequences_take_every_query_once(model, frames):
    for frame in tracked_frames(model, frames):
        assert frame.naive.sort().values.tolist() == list(range(NUM_ROWS))


@pytest.mark.parametrize("length", [12, 48])
def test_a_window_of_frames_is_held_however_long_the_video(frames, length, monkeypatch):
    model, living, held = tiny_offline_model(), weakref.WeakSet(), []
    track_frames = model.track_frames

    def watched(*args):
        tracked = track_frames(*args)
        living.update(frame.mask_features for frame, _ in tracked)
        held.append(len(living))
        return tracked

    monkeypatch.setattr(model, "track_frames", watched)
    for _ in segment_video(model, (frames[time % NUM_FRAMES] for time in range(length))):
        held.append(len(living))
    assert 6 <= max(held) <= 8


def test_memory_does_not_grow_with_the_video():
    """A frame of this size holds 0.75 MiB of mask features: 36 more frames would be 27 MiB."""
    model, clip, process = (
        tiny_offline_model(max_results=1),
        tiny_frames(12, size=(256, 384)),
        psutil.Process(),
    )

    def peak(length):
        sizes = []
        for _ in segment_video(model, (clip[time % 12] for time in range(length))):
            sizes.append(process.memory_info().rss)
        return max(sizes)

    peak(12)  # what torch keeps for itself
    short = peak(12)
    assert peak(48) - short < 12 * MIB


def damage(parts, name, change):
    return {**parts, name: change(parts[name])}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda parts: {n: b for n, b in parts.items() if n != "windows"}, "lacks windows"),
        (lambda parts: {n: b for n, b in parts.items() if n != "previous"}, "do not belong"),
        (lambda parts: {n: b for n, b in parts.items() if n != "tracker/queries"}, "lacks queries"),
        (lambda parts: {**parts, "more": b""}, "unknown more"),
        (lambda parts: {**parts, "queries": parts["tracker/queries"]}, "unknown queries"),
        (lambda parts: damage(parts, "previous", lambda blob: blob[:-4]), "previous of"),
        (
            lambda parts: damage(
                parts, "previous", lambda blob: blob[:-4] + np.float32(np.nan).tobytes()
            ),
            "not finite",
        ),
        (lambda parts: damage(parts, "windows", lambda blob: blob[:-1]), "windows are damaged"),
        (lambda parts: damage(parts, "windows", lambda blob: b"[]"), "windows are damaged"),
    ],
)
def test_damaged_parts_are_refused(model, frames, change, sentence):
    *_, output = steps(model, frames[:7])
    with pytest.raises(StateError, match=sentence):
        model.from_parts(change(model.to_parts(output.state)))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("schema", 1, "schema 1, this version reads 2"),
        ("first", 3, "do not belong"),
        ("first", -1, "no count"),
        ("decided", 2, "begin before"),
        ("decided", True, "no count"),
        ("next_track_id", 1, "are below"),
        ("rows", 7, "damaged"),
        ("rows", [[7, [0.5], 1, None, 0]], "one number for each class"),
        ("rows", [[7, [0.5, 0.5, float("inf")], 1, None, 0]], "one number for each class"),
        ("rows", [[7, [0.5, 0.5, 0.5], 99, None, 0]], "count decided frames"),
        ("rows", [[7, [0, 0, 0], 1, 1, 1], [8, [0, 0, 0], 1, 1, 1]], "given once"),
        ("rows", [[7, "abc", 1, None, 0]], "damaged"),
        ("rows", [[7, [0.5], 1, None]], "damaged"),
    ],
)
def test_windows_that_cannot_be_are_refused(model, frames, name, value, sentence):
    *_, output = steps(model, frames[:7])
    parts = model.to_parts(output.state)
    fields = {**json.loads(parts["windows"]), name: value}
    with pytest.raises(StateError, match=sentence):
        model.from_parts({**parts, "windows": json.dumps(fields).encode()})


def test_the_memory_of_another_model_is_refused(model, frames):
    *_, output = steps(model, frames[:7])
    with pytest.raises(StateError, match="belongs to model"):
        tiny_offline_model(max_missed_frames=9).from_parts(model.to_parts(output.state))
