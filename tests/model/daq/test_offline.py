"""The laws of the offline model, on a tiny real one."""

import weakref

import psutil
import pytest
import torch

from maskstream_model.daq.clip_rows import clip_rows
from maskstream_model.daq.refined import collect
from maskstream_model.errors import FrameError
from support.running import run
from support.tiny import tiny_frames, tiny_model, tiny_offline_model

NUM_FRAMES, NUM_ROWS, EVERYBODY = 17, 8, 1000
MIB = 2**20


@pytest.fixture(scope="module")
def frames():
    return tiny_frames(NUM_FRAMES, seed=1)


@pytest.fixture(scope="module")
def model():
    return tiny_offline_model()


@pytest.fixture(scope="module")
def windows(model, frames):
    return list(model.windows(frames))


@pytest.fixture(scope="module")
def lives(frames):
    """Ids of the tracks alive on each frame, of the online model alone."""
    outputs, _ = run(tiny_model(), frames)
    return [set(output.track_ids[output.status < 3].tolist()) for output in outputs]


def test_windows_follow_one_another_without_gaps(windows):
    assert [(window.first_frame, window.num_frames) for window in windows] == [
        (0, 5),
        (5, 4),
        (9, 4),
        (13, 4),
    ]
    for window in windows:
        for segmentations in window.segmentations.values():
            assert len(segmentations) == window.num_frames


def test_rows_are_tracks_of_the_online_model_and_naive_sequences(windows, lives):
    for window, first in zip(windows, (0, 4, 8, 12), strict=True):
        ids = window.track_ids.tolist()
        tracks = {row_id for row_id in ids if row_id > 0}
        assert tracks
        assert tracks <= set.union(*lives[first : first + 6])
        assert len(set(ids)) == len(ids) == NUM_ROWS
        assert all(-NUM_ROWS <= row_id < 0 for row_id in ids if row_id not in tracks)


def test_identities_are_kept_across_windows(frames):
    """Without layers a refiner sees one frame and one row: a cut must change nothing at all.

    Whoever is there on the first frame stays to the end, so that rows are the same on every CPU.
    """
    staying = {"emergence_score_min": 1.0, "max_missed_frames": NUM_FRAMES, "max_kept": 7}
    rules = {"num_layers": 0, "max_results": EVERYBODY, **staying}
    whole = tiny_offline_model(window=None, **rules).run(frames)
    cut = tiny_offline_model(window=6, overlap=2, **rules).run(frames)
    ours = {track.track_id: track.segmentations for track in cut.tracks}
    assert ours == {track.track_id: track.segmentations for track in whole.tracks}
    assert min(ours) < 0 < max(ours)


def test_a_track_that_was_shown_stays_shown_while_it_is_a_row(frames):
    shown = set()
    for window in tiny_offline_model(max_results=1).windows(frames):
        rows = set(window.track_ids.tolist())
        assert shown & rows <= set(window.segmentations)
        shown |= set(window.segmentations)
    assert len(shown) > 1


def test_a_run_is_its_windows_put_together(model, windows, frames):
    assert model.run(iter(frames)) == collect(windows, 20)


@pytest.mark.parametrize("local_attention", [False, True])
def test_a_video_is_read_once_and_no_further_than_needed(frames, local_attention):
    read = []

    def video():
        for number, frame in enumerate(frames):
            read.append(number)
            yield frame

    windows = tiny_offline_model(local_attention=local_attention).windows(video())
    assert read == []
    for expected in (7, 11, 15, 17):
        next(windows)
        assert len(read) == expected
    assert list(windows) == []
    assert read == list(range(NUM_FRAMES))


def test_progress_is_told_of_every_frame(model, frames):
    told = []
    model.run(frames, told.append)
    assert told == [1] * NUM_FRAMES


def test_one_frame_is_a_video(model, frames):
    video = model.run(frames[:1])
    assert video.num_frames == 1
    assert len(video.tracks) == 20
    assert video.masks(video.tracks[0]).shape == (1, 64, 96)


def test_a_video_without_tracks_has_naive_sequences(frames):
    nobody = tiny_offline_model(first_frame_score_min=1.0, emergence_score_min=1.0)
    video = nobody.run(frames[:8])
    assert {track.track_id for track in video.tracks} <= set(range(-NUM_ROWS, 0))
    assert len(video.tracks) == 20


def test_a_video_without_frames_is_refused(model):
    with pytest.raises(FrameError, match="a video must have at least one frame"):
        model.run(iter([]))


def test_a_frame_of_another_size_is_refused_by_number(model, frames):
    with pytest.raises(FrameError, match=r"frame 2 is \(32, 96\), those before it are \(64, 96\)"):
        model.run([*frames[:2], frames[2][:32]])
    with pytest.raises(FrameError, match="a frame must be a numpy array of uint8"):
        model.run([frames[0], None])


def test_masks_have_the_size_of_the_pictures(frames):
    video = tiny_offline_model(min_size=32).run([frame[:50, :90] for frame in frames[:3]])
    assert video.size == (50, 90)
    assert video.masks(video.tracks[0]).shape == (3, 50, 90)


def test_results_do_not_depend_on_who_asks_for_gradients(model, frames):
    assert torch.is_grad_enabled()
    window = next(model.windows(frames))
    assert torch.is_grad_enabled()
    assert not window.probabilities.requires_grad


def test_a_track_is_padded_with_its_last_momentum_appearance(model, frames, lives):
    tracked = list(model.track(frames))
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
    for frame in model.track(frames):
        assert frame.naive.sort().values.tolist() == list(range(NUM_ROWS))


@pytest.mark.parametrize("length", [12, 48])
def test_a_window_of_frames_is_held_however_long_the_video(frames, length, monkeypatch):
    model, living, held = tiny_offline_model(), weakref.WeakSet(), []
    track = model.track

    def watched(*args):
        for frame in track(*args):
            living.add(frame.mask_features)
            yield frame

    monkeypatch.setattr(model, "track", watched)
    video = (frames[time % NUM_FRAMES] for time in range(length))
    for _ in model.windows(video, lambda _: held.append(len(living))):
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
        video = (clip[time % 12] for time in range(length))
        for _ in model.windows(video, lambda _: sizes.append(process.memory_info().rss)):
            pass
        return max(sizes)

    peak(12)  # what torch keeps for itself
    short = peak(12)
    assert peak(48) - short < 12 * MIB
