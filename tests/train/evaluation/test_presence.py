"""Presence: tracks judged by when the objects of a real clip are there."""

import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from maskstream_model.errors import DatasetError
from maskstream_model.port import TrackStatus
from maskstream_train.evaluation.presence import PresenceReport, judge_presence, track_lives
from maskstream_train.evaluation.presence_truth import PresenceTruth, PresentObject, read_presence
from maskstream_train.evaluation.records import TrackFrame

NUM_FRAMES = 60
TRUTH = PresenceTruth(
    objects=(PresentObject("down", 10, 29, 1), PresentObject("up", 15, 34, -1)),
    empty=((0, 9), (35, 59)),
)


def _clip(*tracks: tuple[int, int, int], status: int = TrackStatus.TRACKED) -> list[TrackFrame]:
    """Frames of 20x4 pixels; tracks `(first, last, travel)` cross the picture in their time."""
    frames = []
    for time in range(NUM_FRAMES):
        live = [(i, t) for i, t in enumerate(tracks) if t[0] <= time <= t[1]]
        masks = np.zeros((len(live), 20, 4), dtype=bool)
        for mask, (_, (first, last, travel)) in zip(masks, live, strict=True):
            along = (time - first) / (last - first)
            row = int(19 * (along if travel > 0 else 1 - along))
            mask[row] = True
        frames.append(
            TrackFrame(
                track_ids=np.array([i + 1 for i, _ in live], dtype=np.int64),
                status=np.full(len(live), status),
                scores=np.full(len(live), 0.7),
                class_scores=np.zeros((len(live), 1)),
                masks=masks,
            )
        )
    return frames


def _judge(*tracks: tuple[int, int, int], score_min: float = 0.0) -> PresenceReport:
    return judge_presence(track_lives(_clip(*tracks), score_min), TRUTH)


def test_one_track_for_each_object_lasts() -> None:
    report = _judge((15, 34, -1), (10, 29, 1))
    assert [(v.id, v.track_id, v.lasting) for v in report.objects] == [
        ("down", 2, True),
        ("up", 1, True),
    ]
    assert [verdict.num_tracks for verdict in report.objects] == [1, 1]
    assert (report.empty_frames, report.false_frames, report.false_tracks) == (27, 0, 0)


def test_a_broken_track_does_not_last_and_counts_as_two() -> None:
    report = _judge((10, 18, 1), (20, 29, 1), (15, 34, -1))
    assert (report.objects[0].lasting, report.objects[0].num_tracks) == (False, 2)
    assert report.objects[0].share == pytest.approx(0.5)


def test_a_track_that_goes_the_other_way_is_not_of_the_object() -> None:
    report = _judge((10, 29, -1))
    assert report.objects[0].track_id is None
    assert report.objects[1].track_id == 1


def test_a_track_that_is_mostly_alive_without_the_object_is_of_something_else() -> None:
    report = _judge((0, 59, 1))
    assert report.objects[0].track_id is None
    assert (report.false_frames, report.false_tracks) == (27, 1)


def test_hidden_and_missed_tracks_are_not_there() -> None:
    assert _judge((10, 29, 1), score_min=0.8).num_tracks == 0
    assert track_lives(_clip((10, 29, 1), status=TrackStatus.MISSED)) == []


def test_no_tracks_at_all_is_no_false_alarm() -> None:
    report = _judge()
    assert [verdict.lasting for verdict in report.objects] == [False, False]
    assert report.false_frames == 0


def test_the_truth_of_the_clip_of_cars_is_read(test_data: Path) -> None:
    truth = read_presence(test_data / "clips" / "truth.json")
    assert [(thing.id, thing.travel) for thing in truth.objects] == [
        ("A", -1),
        ("B", 1),
        ("C", -1),
        ("D", 1),
    ]
    assert truth.empty[0] == (0, 54)


def test_a_file_with_several_clips_asks_for_a_name(tmp_path: Path) -> None:
    file = tmp_path / "truth.json"
    file.write_text(json.dumps({"a": {"objects": [], "empty": [[0, 1]]}, "b": {}}))
    assert read_presence(file, "a").empty == ((0, 1),)
    with pytest.raises(DatasetError, match="name one of a, b"):
        read_presence(file)
    with pytest.raises(DatasetError, match="not as it should be"):
        read_presence(file, "c")


def test_names_of_objects_are_neither_markup_nor_control() -> None:
    odd = PresenceTruth((PresentObject("[red]a\x1b[31mb", 10, 29, 1),), ((0, 9),))
    report = judge_presence(track_lives(_clip((10, 29, 1)), 0.0), odd)
    console = Console(record=True, width=200)
    for table in report.tables():
        console.print(table)
    assert r"[red]a\x1b[31mb" in console.export_text()
