"""Panoptic and semantic segmentation frame by frame: what lasts, what is merged, what is shown."""

import pytest
import torch

from maskstream_model.port import TrackStatus
from maskstream_model.tasks.panoptic import panoptic_video
from maskstream_model.tasks.panoptic_online import panoptic_frame
from maskstream_model.tasks.semantic import VOID, semantic_frame
from support.clip_results import semantic_video
from support.frames import CAR, NOTHING, PERSON, ROAD, SKY, scene, scene_config

SIZE = (4, 8)
LEFT = ["####....", "####....", "####....", "####...."]
RIGHT = ["....####", "....####", "....####", "....####"]
TOP = ["########", "########", "........", "........"]
BOTTOM = ["........", "........", "########", "########"]


def segment(output, shown=None, **online):
    return panoptic_frame(output, SIZE, scene_config(**online), shown)


def ids_of(frame):
    return [each.id for each in frame.segments]


def test_things_keep_the_ids_of_their_tracks():
    frame = segment(scene({4: (CAR, LEFT), 9: (CAR, RIGHT)}))
    assert [(each.id, each.label, each.thing) for each in frame.segments] == [
        (4, CAR, True),
        (9, CAR, True),
    ]
    assert frame.segment_map.tolist() == [[4] * 4 + [9] * 4] * 4


def test_stuff_of_one_class_has_the_id_of_its_oldest_track():
    frame = segment(scene({9: (SKY, TOP), 4: (SKY, BOTTOM), 2: (ROAD, ["........"] * 4)}))
    assert [(each.id, each.label, each.thing) for each in frame.segments] == [(4, SKY, False)]
    assert frame.segment_map.unique().tolist() == [4]


def test_the_oldest_track_lends_its_id_also_while_it_is_uncertain_or_unseen():
    tracks = {4: (SKY, BOTTOM), 9: (SKY, TOP)}
    assert ids_of(segment(scene(tracks, sure={4: 2.0}))) == [4]
    assert ids_of(segment(scene(tracks, {4: TrackStatus.MISSED}, sure={4: 2.0}))) == [4]


@pytest.mark.parametrize("label", [CAR, NOTHING])
def test_who_is_of_another_class_lends_no_id(label):
    frame = segment(scene({4: (label, BOTTOM), 9: (SKY, TOP)}))
    assert frame.segment_map[0].tolist() == [9] * 8


def test_who_has_disappeared_lends_no_id():
    gone = {4: TrackStatus.DISAPPEARED}
    frame = segment(scene({4: (SKY, BOTTOM), 9: (SKY, TOP)}, gone))
    assert frame.segment_map.tolist() == [[9] * 8] * 2 + [[0] * 8] * 2


def test_who_is_not_shown_leaves_no_hole():
    output = scene({1: (ROAD, TOP), 2: (CAR, LEFT)}, sure={1: 5.0})
    whole, without = segment(output, overlap_min=0.2), segment(output, {1}, overlap_min=0.2)
    assert whole.segment_map[0].tolist() == [2] * 4 + [1] * 4
    assert without.segment_map[0].tolist() == [1] * 8
    assert segment(output, set()).segment_map.tolist() == [[0] * 8] * 4


def test_the_overlap_is_that_of_the_frame_alone():
    tracks = {1: (ROAD, TOP), 2: (CAR, LEFT)}
    frames = [scene(tracks, sure={2: 4.0}), scene({2: (CAR, LEFT)}, sure={2: 4.0})]
    assert [ids_of(segment(frame, overlap_min=0.6)) for frame in frames] == [[1], [2]]


def test_a_frame_alone_is_a_clip_of_one_frame():
    output = scene({1: (ROAD, TOP), 2: (CAR, LEFT), 3: (PERSON, RIGHT), 4: (ROAD, BOTTOM)})
    config = scene_config(overlap_min=0.3)
    clip, frame = panoptic_video([output], SIZE, config), panoptic_frame(output, SIZE, config)
    tracks = torch.tensor([0, *(each.track_id for each in clip.segments)])
    assert torch.equal(tracks[clip.segment_map[0]], frame.segment_map)


def test_no_tracks_are_no_segments():
    frame = segment(scene({}))
    assert frame.segments == ()
    assert frame.segment_map.tolist() == [[0] * 8] * 4


def test_every_pixel_has_a_class_as_soon_as_there_is_a_track():
    output = scene({1: (ROAD, TOP), 2: (CAR, LEFT)}, sure={2: 6.0})
    classes = semantic_frame(output, SIZE)
    assert classes[:, 0].tolist() == [ROAD, ROAD, CAR, CAR]
    assert classes[:, 7].tolist() == [ROAD] * 4
    assert torch.equal(semantic_frame(output, SIZE), semantic_video([output], SIZE)[0])
    assert semantic_frame(scene({}), SIZE).unique().tolist() == [VOID]


def test_tracks_of_one_class_add_up():
    output = scene(
        {1: (SKY, LEFT), 2: (ROAD, LEFT), 3: (ROAD, LEFT)}, sure={1: 3.0, 2: 2.5, 3: 2.5}
    )
    assert semantic_frame(output, SIZE)[0, 0] == ROAD


def test_bands_of_a_large_picture_fit_together(monkeypatch):
    output = scene({1: (ROAD, TOP), 2: (CAR, LEFT), 3: (SKY, RIGHT)})
    whole = semantic_frame(output, (31, 40))
    monkeypatch.setattr("maskstream_model.tasks.semantic.MAX_VALUES", 4 * 40 * 3)
    assert torch.equal(semantic_frame(output, (31, 40)), whole)
