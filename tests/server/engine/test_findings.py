"""What a client is told of a frame, task by task."""

from dataclasses import replace

import numpy as np
import pytest

from maskstream_model.port import TrackStatus
from maskstream_server.engine.findings import finder_of
from maskstream_server.engine.types import EngineRequest
from support.frames import CAR, ROAD, SKY, scene, scene_config

LEFT = ["####....", "####....", "####....", "####...."]
RIGHT = ["....####", "....####", "....####", "....####"]
TOP = ["########", "########", "........", "........"]
BOTTOM = ["........", "........", "########", "########"]
MISSED, GONE = TrackStatus.MISSED, TrackStatus.DISAPPEARED


def find(output, task="panoptic", mentioned=(), **wishes):
    """What is told of a frame of 4 x 8 pixels."""
    frame = np.zeros((4, 8, 3), np.uint8)
    request = EngineRequest("a", frame, None, frozenset(mentioned), **wishes)
    config = replace(scene_config(overlap_min=0.3), task=task)
    return finder_of(config).find(output, request)


def told(found):
    rows = found.rows
    return list(
        zip(rows.track_ids.tolist(), rows.labels.tolist(), rows.status.tolist(), strict=True)
    )


def test_stuff_of_one_class_is_one_object():
    found = find(scene({4: (SKY, TOP), 9: (SKY, BOTTOM), 5: (ROAD, LEFT)}, sure={5: 2.0}))
    assert told(found) == [(4, SKY, 0)]
    assert found.masks.areas.tolist() == [32]
    assert found.mentioned == {4}


def test_an_unseen_uncertain_track_lends_its_id_to_what_is_seen():
    found = find(scene({4: (SKY, TOP), 9: (SKY, BOTTOM)}, {4: MISSED}, sure={4: 2.0}))
    assert told(found) == [(4, SKY, 0)]
    assert found.masks.boxes.tolist() == [[0, 2, 8, 4]]
    assert found.rows.scores[0] > 0.99
    known = find(scene({4: (SKY, TOP), 9: (SKY, BOTTOM)}, {4: MISSED}), mentioned=[4])
    assert told(known) == [(4, SKY, int(TrackStatus.TRACKED))]
    unseen = find(scene({4: (SKY, TOP)}, {4: MISSED}), mentioned=[4])
    assert told(unseen) == [(4, SKY, int(MISSED))]


def test_when_the_oldest_track_disappears_the_next_one_takes_over():
    found = find(scene({9: (SKY, TOP), 4: (SKY, TOP)}, {4: GONE}), mentioned=[4])
    assert told(found) == [(9, SKY, 0), (4, SKY, int(GONE))]
    assert found.masks.areas.tolist() == [16, 0]
    assert found.mentioned == {9}


def test_whom_the_client_knows_is_told_without_a_mask_when_it_shows_nothing():
    tracks = {1: (CAR, LEFT), 2: (CAR, LEFT)}
    found = find(scene(tracks, sure={2: 1.0}), mentioned=[1, 2])
    assert [row[0] for row in told(found)] == [1, 2]
    assert found.masks.areas.tolist() == [16, 0]
    assert told(find(scene(tracks, sure={2: 1.0}))) == [(1, CAR, 0)]


def test_whom_the_client_does_not_know_leaves_no_hole():
    tracks = {1: (ROAD, TOP), 2: (CAR, LEFT)}
    everybody = find(scene(tracks, sure={1: 5.0}), min_score=0.0)
    assert everybody.masks.areas.tolist() == [8, 16]
    road = {1: 12.0, 2: 5.0}
    certain = find(scene(tracks, sure=road), min_score=0.99)
    assert told(certain) == [(1, ROAD, 0)]
    assert certain.masks.areas.tolist() == [16]
    # Nor does one that has not been seen since the client came.
    missed = find(scene(tracks, {2: MISSED}, sure={1: 5.0}))
    assert told(missed) == [(1, ROAD, 0)]
    assert missed.masks.areas.tolist() == [16]


@pytest.mark.parametrize("task", ["instances", "panoptic"])
def test_without_masks_the_same_objects_are_told(task):
    output = scene({1: (ROAD, TOP), 2: (CAR, LEFT), 4: (ROAD, BOTTOM)})
    bare = find(output, task, mask_scale=None)
    assert bare.masks is None
    assert told(bare) == told(find(output, task))


def test_instances_may_overlap():
    found = find(scene({1: (ROAD, TOP), 2: (CAR, LEFT)}), "instances")
    assert found.masks.areas.tolist() == [16, 16]


def test_semantic_objects_are_the_classes_that_are_there():
    output = scene({7: (ROAD, TOP), 8: (ROAD, BOTTOM), 9: (CAR, LEFT)}, sure={7: 6, 8: 6})
    found = find(output, "semantic", min_score=0.999999, with_logits=True)
    assert told(found) == [(CAR + 1, CAR, 1), (ROAD + 1, ROAD, 1)]
    assert found.masks.areas.tolist() == [16, 16]
    assert found.rows.scores.tolist() == pytest.approx([1, 0.99], abs=0.01)
    assert found.mentioned == frozenset()
    bare = find(output, "semantic", mask_scale=None)
    assert (told(bare), bare.masks) == (told(found), None)


@pytest.mark.parametrize("task", ["instances", "panoptic", "semantic"])
def test_no_tracks_are_no_objects(task):
    found = find(scene({}), task)
    assert told(found) == []
    assert found.masks.boxes.shape == (0, 4)


@pytest.mark.parametrize("scale", [1, 0.5, 0.25])
def test_masks_have_the_size_asked_for(scale):
    found = find(scene({1: (ROAD, TOP)}), mask_scale=scale)
    assert found.masks.size == (4 * scale, 8 * scale)
