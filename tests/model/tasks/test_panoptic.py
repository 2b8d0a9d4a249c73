"""Panoptic segmentation of a clip, against its plain meaning."""

import pytest
import torch

from maskstream_model.port import TrackStatus
from maskstream_model.tasks.panoptic import panoptic_video
from support.frames import CAR, NOTHING, PERSON, ROAD, SKY, scene, scene_config

SIZE = (4, 8)
"""One pixel per cell of the grid: a picture that is smaller than the network's frame."""
LEFT = ["####....", "####....", "####....", "####...."]
RIGHT = ["....####", "....####", "....####", "....####"]
TOP = ["########", "########", "........", "........"]
EMPTY = ["........"] * 4


def segment(*frames, **online):
    return panoptic_video(frames, SIZE, scene_config(**online))


def cells(segment_map):
    """The map of one frame in words: ids as digits, nothing as a dot."""
    return ["".join(str(int(i)) if i else "." for i in row) for row in segment_map]


def test_stuff_of_one_class_is_one_segment_and_things_stay_apart():
    video = segment(scene({3: (SKY, LEFT), 5: (SKY, RIGHT)}))
    assert [(each.id, each.label, each.thing) for each in video.segments] == [(1, SKY, False)]
    assert video.segments[0].track_id == 3
    assert cells(video.segment_map[0]) == ["11111111"] * 4
    video = segment(scene({3: (CAR, LEFT), 5: (CAR, RIGHT)}))
    assert [(each.id, each.track_id, each.thing) for each in video.segments] == [
        (1, 3, True),
        (2, 5, True),
    ]
    assert cells(video.segment_map[0]) == ["11112222"] * 4


def test_the_more_certain_track_wins_and_who_lost_too_much_is_left_out():
    tracks = {1: (ROAD, TOP), 2: (CAR, LEFT)}
    unsure = {2: 4.0}
    whole = segment(scene(tracks, sure=unsure), overlap_min=0.5)
    assert cells(whole.segment_map[0]) == ["11111111", "11111111", "2222....", "2222...."]
    # The car has half of its mask: not enough, and what it won stays empty.
    strict = segment(scene(tracks, sure=unsure), overlap_min=0.6)
    assert cells(strict.segment_map[0]) == ["11111111", "11111111", "........", "........"]


def test_pixels_are_counted_over_the_whole_clip():
    tracks = {1: (ROAD, TOP), 2: (CAR, LEFT)}
    alone = {1: (ROAD, EMPTY), 2: (CAR, LEFT)}
    video = segment(scene(tracks, sure={2: 4.0}), scene(alone, sure={2: 4.0}), overlap_min=0.6)
    assert cells(video.segment_map[0]) == ["11111111", "11111111", "2222....", "2222...."]
    assert cells(video.segment_map[1]) == ["2222...."] * 4


@pytest.mark.parametrize(("label", "sure"), [(NOTHING, 12.0), (CAR, 1.0)])
def test_tracks_that_are_nothing_or_uncertain_take_no_part(label, sure):
    video = segment(scene({1: (PERSON, LEFT), 2: (label, RIGHT)}, sure={2: sure}))
    assert [each.track_id for each in video.segments] == [1]


def test_a_track_has_no_pixel_on_frames_it_did_not_live_on():
    gone = scene({1: (CAR, TOP)}, status={1: TrackStatus.DISAPPEARED})
    video = segment(scene({1: (CAR, LEFT)}), gone, scene({1: (CAR, TOP)}))
    assert not video.segment_map[1].any()
    assert [each.track_id for each in video.segments] == [1]


def test_a_clip_without_tracks_is_an_empty_map():
    video = segment(scene({}), scene({}))
    assert video.segments == ()
    assert torch.equal(video.segment_map, torch.zeros(2, *SIZE, dtype=torch.int64))
