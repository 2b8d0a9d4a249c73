"""Results as programs want them, and what is made of them: pictures, files, counts."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from pycocotools import mask as coco

from client.server_side import DISAPPEARED, EMERGED, MISSED, TRACKED, result, square
from maskstream_client.annotate import Annotator
from maskstream_client.errors import MaskstreamError
from maskstream_client.events import IdentitiesReset
from maskstream_client.model_card import ClassInfo
from maskstream_client.result import Result
from maskstream_client.results_json import ResultsCollector, result_line
from maskstream_client.summary import StreamSummary, percentiles_ms
from maskstream_drawing.painting import track_color

SIZE = (60, 80)
CLASSES = {1: ClassInfo(1, "animal", "#00ff00", True)}
NOTHING = np.zeros((1, *SIZE), bool)
HOUSE = square(10, 20, 30, 50, SIZE)
TREE = square(50, 5, 70, 40, SIZE)


def seen(frame_index, *found, masks=None, frame_size=SIZE, reset=None, latency_s=0.1):
    """A result with the objects (track_id, class_id, status)."""
    stack = np.concatenate(masks) if masks else np.zeros((0, *SIZE), bool)
    message = result(frame_index + 1, objects=found, masks=stack, pts_us=frame_index * 80_000)
    return Result(frame_index, message, frame_size, CLASSES, latency_s, reset)


def test_an_object_has_what_was_sent():
    (item,) = seen(0, (3, 1, TRACKED), masks=[HOUSE]).objects
    assert (item.track_id, item.label, item.status, item.age) == (3, "animal", TRACKED, 1)
    assert (item.box, item.area) == ((10, 20, 30, 50), 600)
    assert item.score == pytest.approx(60_000 / 65_535)
    assert np.array_equal(item.mask(), HOUSE[0])


def test_a_class_without_a_name_is_called_by_its_number():
    assert seen(0, (3, 9, TRACKED), masks=[HOUSE]).objects[0].label == "class 9"


def test_small_masks_are_given_in_pixels_of_the_frame():
    half = seen(0, (3, 1, TRACKED), masks=[HOUSE], frame_size=(119, 160))
    (item,) = half.objects
    assert item.mask().shape == (119, 160)
    x0, y0, x1, y1 = item.box
    rows, columns = np.nonzero(item.mask())
    assert x0 <= columns.min()
    assert columns.max() < x1
    assert y0 <= rows.min()
    assert rows.max() < y1
    assert (x0, x1, y1 - y0) == (20, 60, 61)


def test_visible_leaves_out_guesses_and_the_disappeared():
    found = seen(
        0,
        (1, 1, EMERGED),
        (2, 1, MISSED),
        (3, 1, DISAPPEARED),
        (4, 1, TRACKED),
        masks=[HOUSE, TREE, NOTHING, NOTHING],
    )
    assert [item.track_id for item in found.visible] == [1]
    assert found.masks().shape == (4, *SIZE)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
def test_run_lengths_are_full_frame_and_fit_for_json():
    found = seen(0, (1, 1, TRACKED), (2, 1, TRACKED), masks=[HOUSE, TREE])
    runs = json.loads(json.dumps(found.to_coco_rle()))
    assert np.array_equal(coco.decode(runs[0]), HOUSE[0])
    assert np.array_equal(coco.decode(runs[1]), TREE[0])


def test_detections_of_supervision_have_masks_and_identities():
    supervision = pytest.importorskip("supervision")
    found = seen(0, (5, 1, TRACKED), (6, 0, MISSED), masks=[HOUSE, TREE])
    detections = found.to_supervision()
    assert isinstance(detections, supervision.Detections)
    assert detections.tracker_id.tolist() == [5]
    assert detections.xyxy.tolist() == [[10, 20, 30, 50]]
    assert np.array_equal(detections.mask, HOUSE)


def test_detections_of_an_empty_frame_have_the_arrays_of_any_other():
    supervision = pytest.importorskip("supervision")
    some = seen(0, (5, 1, TRACKED), masks=[HOUSE]).to_supervision()
    none = seen(1).to_supervision()
    assert len(none) == 0
    for name in ("xyxy", "mask", "confidence", "class_id", "tracker_id"):
        empty, full = getattr(none, name), getattr(some, name)
        assert (empty.dtype, empty.shape) == (full.dtype, (0, *full.shape[1:])), name
    assert list(zip(none.tracker_id, none["class_name"], strict=True)) == []
    assert len(none[none.class_id == 2]) == 0
    merged = supervision.Detections.merge([none, some])
    assert merged.tracker_id.tolist() == [5]
    assert merged["class_name"].tolist() == ["animal"]


def test_detections_without_supervision_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MaskstreamError, match=r"maskstream\[supervision\]"):
        seen(0).to_supervision()


def test_a_track_becomes_one_entry_with_a_mask_or_null_per_frame():
    collector = ResultsCollector(video_id=4)
    collector.add(seen(0, (1, 1, EMERGED), masks=[HOUSE]))
    collector.add(seen(1))
    collector.add(seen(2, (1, 0, TRACKED), (2, 1, EMERGED), masks=[TREE, HOUSE]))
    collector.add(seen(3, (1, 0, MISSED), (2, 1, DISAPPEARED), masks=[TREE, NOTHING]))
    first, second = json.loads(json.dumps(collector.entries()))
    assert (first["video_id"], first["track_id"], first["category_id"]) == (4, 1, 1)
    assert [bool(each) for each in first["segmentations"]] == [True, False, True, False]
    assert [bool(each) for each in second["segmentations"]] == [False, False, True, False]
    assert first["segmentations"][0]["size"] == list(SIZE)


def test_an_id_after_a_reset_is_another_track():
    collector, summary = ResultsCollector(), StreamSummary()
    for each in (
        seen(0, (1, 1, EMERGED), masks=[HOUSE]),
        seen(1, (1, 1, EMERGED), masks=[HOUSE], reset=IdentitiesReset(2, "expired")),
    ):
        collector.add(each)
        summary.add(each)
    assert len(collector.entries()) == 2
    report = summary.report()
    assert (report["tracks"], report["emerged"], report["resets"]) == (2, 2, 1)


def test_a_summary_counts_frames_tracks_comings_and_goings():
    summary = StreamSummary({"file_name": "a.mp4"}, now=iter([3.0, 10.0, 12.0]).__next__)
    summary.begin("s1")
    summary.add(seen(0, (1, 1, EMERGED), masks=[HOUSE], latency_s=0.1))
    summary.add(seen(1, (1, 1, TRACKED), (2, 1, EMERGED), masks=[HOUSE, TREE], latency_s=0.3))
    summary.add(seen(2, (1, 1, DISAPPEARED), masks=[NOTHING], latency_s=0.2))
    summary.end()
    report = summary.report()
    assert (report["file_name"], report["session"]) == ("a.mp4", "s1")
    assert (report["frames"], report["tracks"], report["fps"]) == (3, 2, 1.5)
    assert (report["emerged"], report["disappeared"], report["dropped"]) == (2, 1, 0)
    assert report["latency_ms"]["p50"] == 200


def test_a_summary_says_of_each_shown_track_what_it_is_and_from_when_to_when():
    summary = StreamSummary()
    summary.begin("s1", show_min=0.9)
    for each in (
        seen(0, (1, 0, EMERGED), masks=[HOUSE]),
        seen(1, (1, 1, TRACKED), (2, 1, MISSED), masks=[HOUSE, TREE]),
        seen(2, (1, 1, TRACKED), masks=[HOUSE]),
        seen(3, (1, 1, MISSED), masks=[TREE]),
        seen(4, (1, 1, DISAPPEARED), masks=[NOTHING]),
    ):
        summary.add(each)
    (track,) = json.loads(json.dumps(summary.report()))["shown_tracks"]
    assert (track["track_id"], track["label"], track["score"]) == (1, "animal", 0.9155)
    assert (track["first_frame"], track["last_frame"], track["frames"]) == (0, 2, 3)
    assert (track["from_s"], track["to_s"]) == (0, 0.16)
    summary.begin("s1", show_min=0.95)
    assert summary.report()["shown_tracks"] == []


def test_percentiles_of_nothing_are_none():
    assert percentiles_ms([]) == {"p50": None, "p95": None, "p99": None}


GREY = np.full((*SIZE, 3), 128, np.uint8)


def test_a_mask_is_tinted_with_the_colour_of_its_track():
    drawn = Annotator().annotate(GREY, seen(0, (3, 1, TRACKED), masks=[HOUSE]))
    assert np.array_equal(drawn[20, 20], track_color(3))  # on the outline
    inside = drawn[35, 20].astype(int)
    assert np.abs(inside - (0.55 * 128 + 0.45 * np.array(track_color(3)))).max() <= 1
    assert np.array_equal(drawn[55, 75], GREY[0, 0])
    assert (GREY == 128).all()


def test_a_guess_has_an_outline_only():
    drawn = Annotator().annotate(GREY, seen(0, (3, 1, MISSED), masks=[HOUSE]))
    assert np.array_equal(drawn[35, 20], GREY[0, 0])
    assert np.array_equal(drawn[35, 10], track_color(3))


@pytest.mark.parametrize(("show_min", "is_shown"), [(0.0, True), (0.9, True), (0.95, False)])
def test_a_track_is_drawn_counted_and_visible_from_the_same_score_on(show_min, is_shown):
    each = seen(0, (3, 1, TRACKED), masks=[HOUSE])  # its score is 0.92
    drawn = Annotator(show_min=show_min).annotate(GREY, each)
    assert np.array_equal(drawn, GREY) is not is_shown
    collector, summary = ResultsCollector(), StreamSummary()
    collector.add(each)
    summary.add(each)
    assert [entry["visible"] for entry in collector.entries(show_min)] == [is_shown]
    summary.begin("s1", show_min)
    assert summary.report()["shown"] == is_shown
    assert summary.report()["tracks"] == 1


def test_colours_stay_and_neighbours_differ():
    assert track_color(7) == track_color(7)
    assert len({track_color(each) for each in range(1, 60)}) == 59


def test_comings_and_goings_are_marked_for_a_second():
    annotator = Annotator(fps=3)
    came = seen(0, (1, 1, EMERGED), masks=[HOUSE])
    stays = seen(1, (1, 1, TRACKED), masks=[HOUSE])
    plain = Annotator().annotate(GREY, stays)
    marked = [
        not np.array_equal(annotator.annotate(GREY, each), plain) for each in [came] + 3 * [stays]
    ]
    assert marked == [True, True, True, False]
    gone = seen(4, (1, 1, DISAPPEARED), masks=[NOTHING])
    marked = [
        not np.array_equal(annotator.annotate(GREY, each), GREY) for each in [gone] + 3 * [seen(5)]
    ]
    assert marked == [True, True, True, False]


def test_what_is_gone_is_marked_where_it_was_seen_last():
    annotator = Annotator(fps=3)
    for each in (
        seen(0, (1, 1, EMERGED), masks=[HOUSE]),
        seen(1, (1, 1, MISSED), masks=[TREE]),
    ):
        annotator.annotate(GREY, each)
    marked = annotator.annotate(GREY, seen(2, (1, 1, DISAPPEARED), masks=[NOTHING]))
    assert not np.array_equal(marked[20:50, 10:30], GREY[20:50, 10:30])
    assert np.array_equal(marked[5:20, 50:70], GREY[5:20, 50:70])


def test_marks_of_an_older_memory_are_forgotten_with_it():
    annotator = Annotator(fps=10)
    annotator.annotate(GREY, seen(0, (1, 1, EMERGED), masks=[HOUSE]))
    after = annotator.annotate(GREY, seen(1, reset=IdentitiesReset(2, "client")))
    assert np.array_equal(after, GREY)


def test_objects_at_the_border_and_in_tiny_frames_are_drawn():
    masks = np.ones((1, 2, 3), bool)
    tiny = Result(0, result(1, objects=[(1, 1, EMERGED)], masks=masks), (2, 3), CLASSES)
    assert Annotator().annotate(np.zeros((2, 3, 3), np.uint8), tiny).shape == (2, 3, 3)


def test_a_line_of_some_classes_mentions_no_other_and_refuses_unknown_names():
    found = seen(0, (3, 1, TRACKED), masks=[HOUSE])
    assert [each["label"] for each in result_line(found, ["animal"])["objects"]] == ["animal"]
    two = replace(found, classes=CLASSES | {2: ClassInfo(2, "tree", "#00ff00", True)})
    assert result_line(two, ["tree"])["objects"] == []
    with pytest.raises(ValueError, match=r"no class 'house'; the classes are: animal, tree\.$"):
        result_line(two, ["tree", "house"])


def test_classes_that_are_not_known_yet_are_not_called_unknown():
    found = replace(seen(0, (3, 1, TRACKED), masks=[HOUSE]), classes={})
    assert result_line(found, ["animal"])["objects"] == []
