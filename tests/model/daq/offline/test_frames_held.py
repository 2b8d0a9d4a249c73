"""The frames that the offline model holds: their rows for the refiner, and their memory."""

import psutil
import pytest
import torch

from maskstream_model.daq.clip_rows import clip_rows
from maskstream_model.video import segment_video
from support.offline import NUM_FRAMES, NUM_ROWS, counted_frames, tracked_frames
from support.running import run
from support.tiny import tiny_frames, tiny_model, tiny_offline_model

MIB = 2**20


@pytest.fixture(scope="module")
def lives(frames):
    """Ids of the tracks alive on each frame, of the online model alone."""
    outputs, _ = run(tiny_model(), frames)
    return [set(output.track_ids[output.status < 3].tolist()) for output in outputs]


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
    model = tiny_offline_model()
    held = counted_frames(model, monkeypatch)
    assert sum(1 for _ in segment_video(model, (frames[n % NUM_FRAMES] for n in range(length))))
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
