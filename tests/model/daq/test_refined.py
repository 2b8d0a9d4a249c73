"""Windows of a video put together."""

import numpy as np
import pytest
import torch

from maskstream_model.daq.refined import RefinedWindow, collect
from maskstream_model.rle import encode_mask

SIZE = (4, 6)


def mask(column):
    """An RLE of one column of pixels."""
    picture = np.zeros(SIZE, dtype=bool)
    picture[:, column] = True
    return encode_mask(picture)


def window(first_frame, num_frames, probabilities, shown):
    """A window of tracks by id; those in `shown` have the mask of that column on every frame."""
    return RefinedWindow(
        first_frame=first_frame,
        num_frames=num_frames,
        size=SIZE,
        track_ids=torch.tensor(list(probabilities)),
        probabilities=torch.tensor(list(probabilities.values())),
        segmentations={track_id: (mask(shown[track_id]),) * num_frames for track_id in shown},
    )


def test_a_class_is_the_mean_over_frames():
    windows = [window(0, 3, {7: [0.9, 0.0]}, {7: 1}), window(3, 1, {7: [0.1, 0.4]}, {7: 2})]
    video = collect(windows, 20)
    assert (video.num_frames, video.size) == (4, SIZE)
    assert [(track.track_id, track.label) for track in video.tracks] == [(7, 0), (7, 1)]
    assert [track.score for track in video.tracks] == pytest.approx([0.7, 0.1])
    columns = video.masks(video.tracks[0]).any(1).argmax(1)
    assert columns.tolist() == [1, 1, 1, 2]


def test_windows_without_a_track_do_not_count_for_its_class():
    windows = [window(0, 9, {1: [0.5]}, {1: 0}), window(9, 1, {2: [0.8]}, {2: 0})]
    assert [(track.track_id, track.score) for track in collect(windows, 20).tracks] == [
        (2, pytest.approx(0.8)),
        (1, pytest.approx(0.5)),
    ]


def test_a_track_has_no_masks_where_it_was_not_shown():
    windows = [
        window(0, 2, {1: [0.9], 2: [0.1]}, {1: 0}),
        window(2, 1, {-1: [0.2], 2: [0.5]}, {2: 0, -1: 3}),
        window(3, 2, {1: [0.9]}, {1: 5}),
    ]
    video = collect(windows, 20)
    there = {
        track.track_id: [each is not None for each in track.segmentations] for track in video.tracks
    }
    assert there == {
        1: [True, True, False, True, True],
        2: [False, False, True, False, False],
        -1: [False, False, True, False, False],
    }
    assert video.masks(video.tracks[0]).any((1, 2)).tolist() == there[1]


def test_what_a_window_says_of_a_track_counts_though_it_is_not_shown():
    windows = [
        window(0, 1, {1: [0.9], 2: [0.1]}, {1: 0}),
        window(1, 1, {1: [0.9], 2: [0.5]}, {1: 0, 2: 0}),
    ]
    assert collect(windows, 20).tracks[1].score == pytest.approx(0.3)


def test_only_the_best_pairs_are_reported():
    windows = [window(0, 1, {1: [0.9, 0.3], 2: [0.1, 0.2]}, {1: 0, 2: 0})]
    assert [(track.track_id, track.label) for track in collect(windows, 3).tracks] == [
        (1, 0),
        (1, 1),
        (2, 1),
    ]
