"""What windows say of a video's tracks, put together."""

import numpy as np
import pytest

from maskstream_model.daq.refined_tracks import RefinedTracks


def vote(tracks, num_frames, **said):
    """Count a window; keys are `t7` for track 7 and `n1` for naive sequence -1."""
    rows = [int(name[1:]) * (1 if name[0] == "t" else -1) for name in said]
    return tracks.vote(rows, np.array(list(said.values()), np.float32), num_frames)


def test_a_class_is_the_mean_over_frames():
    tracks = vote(vote(RefinedTracks(), 3, t7=[0.9, 0.0]), 1, t7=[0.1, 0.4])
    assert tracks.rows[7].vote.mean == pytest.approx([0.7, 0.1])


def test_windows_without_a_track_do_not_count_for_its_class():
    tracks = vote(vote(RefinedTracks(), 9, t1=[0.5]), 1, t2=[0.8])
    assert tracks.rows[1].vote.mean == pytest.approx([0.5])
    assert tracks.rows[2].vote.mean == pytest.approx([0.8])


def test_what_a_window_says_of_a_track_counts_though_it_is_not_shown():
    tracks = vote(RefinedTracks(), 1, t1=[0.9], t2=[0.1]).show([1], 1)
    tracks = vote(tracks, 1, t1=[0.9], t2=[0.5]).show([2], 2)
    assert tracks.rows[2].vote.mean == pytest.approx([0.3])
    assert (tracks.rows[2].track_id, tracks.rows[2].birth) == (2, 2)


def test_ids_are_given_in_order_and_once():
    tracks = vote(RefinedTracks(), 1, t7=[0.9], n1=[0.1], t3=[0.5])
    tracks = tracks.show([3, 7], 4).show([7, -1, 3], 5)
    found = {row: (track.track_id, track.birth) for row, track in tracks.rows.items()}
    assert found == {3: (1, 4), 7: (2, 4), -1: (3, 5)}
    assert tracks.next_track_id == 4


def test_tracks_that_no_window_sees_again_are_forgotten_and_their_ids_are_not_given_again():
    tracks = vote(RefinedTracks(), 1, t7=[0.9], t8=[0.2], n1=[0.1]).show([7, -1], 1)
    tracks, gone = tracks.forget({9})
    assert [track.track_id for track in gone] == [1]
    assert set(tracks.rows) == {-1}
    assert tracks.forget({9}) == (tracks, [])
    assert vote(tracks, 1, t9=[0.4]).show([9], 2).rows[9].track_id == 3


def test_what_is_known_is_a_value():
    before = vote(RefinedTracks(), 1, t7=[0.9])
    vote(before, 1, t7=[0.1])
    before.show([7], 1)
    assert before.rows[7].vote.num_frames == 1
    assert before.rows[7].track_id is None
