"""The result of a frame, task by task: which tracks there are, and whose masks."""

from dataclasses import replace

import numpy as np
import pytest

from maskstream_model.port import TrackStatus
from maskstream_model.tasks.results import frame_result
from support.frames import CAR, ROAD, SKY, scene, scene_config

SIZE = (4, 8)
LEFT = ["####....", "####....", "####....", "####...."]
TOP = ["########", "########", "........", "........"]
BOTTOM = ["........", "........", "########", "########"]
TRACKED, MISSED, GONE = TrackStatus.TRACKED, TrackStatus.MISSED, TrackStatus.DISAPPEARED


def result_of(output, task="panoptic", size=SIZE):
    return frame_result(output, 7, size, replace(scene_config(overlap_min=0.3), task=task))


def rows_of(result):
    """Id, label, status and whether it may be mentioned anew, row by row."""
    tracks = result.tracks
    columns = (tracks.track_ids, tracks.labels, tracks.status, tracks.mentionable)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def crops_of(result, rows=None, size=SIZE, with_logits=False):
    every = np.arange(len(result.tracks.track_ids))
    return result.masks.crops(every if rows is None else np.array(rows), size, with_logits)


def test_stuff_of_one_class_is_one_object():
    result = result_of(scene({4: (SKY, TOP), 9: (SKY, BOTTOM), 5: (ROAD, LEFT)}, sure={5: 2.0}))
    assert rows_of(result) == [
        (4, SKY, TRACKED, True),
        (9, SKY, TRACKED, False),
        (5, ROAD, TRACKED, False),
    ]
    assert result.tracks.things.tolist() == [False] * 3
    assert crops_of(result).areas.tolist() == [32, 0, 0]


def test_an_unseen_uncertain_track_lends_its_id_to_what_is_seen():
    result = result_of(scene({4: (SKY, TOP), 9: (SKY, BOTTOM)}, {4: MISSED}, sure={4: 2.0}))
    assert rows_of(result)[0] == (4, SKY, TRACKED, True)
    assert crops_of(result, [0]).boxes.tolist() == [[0, 2, 8, 4]]
    assert result.tracks.scores[0] > 0.99
    assert rows_of(result_of(scene({4: (SKY, TOP)}, {4: MISSED}))) == [(4, SKY, MISSED, True)]


def test_when_the_oldest_track_disappears_the_next_one_takes_over():
    result = result_of(scene({9: (SKY, TOP), 4: (SKY, TOP)}, {4: GONE}))
    assert rows_of(result) == [(9, SKY, TRACKED, True), (4, SKY, GONE, False)]
    assert crops_of(result).areas.tolist() == [16, 0]


def test_only_the_rows_asked_for_compete_for_pixels():
    result = result_of(scene({1: (ROAD, TOP), 2: (CAR, LEFT)}, sure={1: 5.0}))
    assert crops_of(result).areas.tolist() == [8, 16]
    assert crops_of(result, [0]).areas.tolist() == [16]


def test_instances_may_overlap():
    result = result_of(
        scene({1: (ROAD, TOP), 2: (CAR, LEFT), 3: (CAR, LEFT)}, {3: GONE}), "instances"
    )
    assert crops_of(result, [0, 1]).areas.tolist() == [16, 16]
    assert rows_of(result) == [
        (1, ROAD, TRACKED, True),
        (2, CAR, TRACKED, True),
        (3, CAR, GONE, True),
    ]
    assert result.tracks.things.tolist() == [False, True, True]
    scores = result.tracks.class_scores
    assert scores.argmax(1).tolist() == [ROAD, CAR, CAR]
    assert scores.max(1).tolist() == result.tracks.scores.tolist()


def test_semantic_objects_are_the_classes_that_are_there():
    output = scene({7: (ROAD, TOP), 8: (ROAD, BOTTOM), 9: (CAR, LEFT)}, sure={7: 6, 8: 6})
    result = result_of(output, "semantic")
    assert rows_of(result) == [(CAR + 1, CAR, 1, True), (ROAD + 1, ROAD, 1, True)]
    crops = crops_of(result, with_logits=True)
    assert crops.areas.tolist() == [16, 16]
    assert [logits.shape for logits in crops.logits] == [bits.shape for bits in crops.bitmaps]
    assert result.tracks.scores.tolist() == pytest.approx([1, 0.99], abs=0.01)


def test_a_class_of_few_pixels_has_no_mask_in_a_small_picture():
    corner = ["#.......", "........", "........", "........"]
    result = result_of(scene({7: (ROAD, BOTTOM), 9: (CAR, corner)}), "semantic", size=(16, 32))
    assert rows_of(result)[0][1] == CAR
    assert crops_of(result, size=(16, 32)).areas[0] > 0
    assert crops_of(result, size=(1, 2)).areas.tolist()[1] > 0


@pytest.mark.parametrize("task", ["instances", "panoptic", "semantic"])
def test_no_tracks_are_no_rows(task):
    result = result_of(scene({}), task)
    assert rows_of(result) == []
    assert (result.index, result.size, result.final) == (7, SIZE, True)
    assert crops_of(result).boxes.shape == (0, 4)


@pytest.mark.parametrize("task", ["instances", "panoptic", "semantic"])
@pytest.mark.parametrize("size", [(4, 8), (2, 4)])
def test_masks_have_the_size_asked_for(task, size):
    crops = crops_of(result_of(scene({1: (ROAD, TOP)}), task), size=size)
    assert crops.size == size
    assert crops.areas[0] > 0
