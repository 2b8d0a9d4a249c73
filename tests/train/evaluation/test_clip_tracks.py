"""The script that counts the shown tracks of a clip."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from maskstream_model.port import TrackStatus
from maskstream_train.evaluation.records import TrackFrame


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[3] / "scripts" / "clip_tracks.py"
    spec = importlib.util.spec_from_file_location("clip_tracks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def frame(*tracks: tuple[int, float, int, TrackStatus]) -> TrackFrame:
    """Tracks as id, score, class and status."""
    ids, scores, labels, status = (np.array(column) for column in zip(*tracks, strict=True))
    none = np.zeros((len(ids), 0, 0), bool)
    return TrackFrame(ids, status, scores, np.eye(3)[labels] * scores[:, None], none)


def test_a_track_is_shown_from_its_first_good_score_on_while_it_is_seen(script) -> None:
    seen, missed = TrackStatus.TRACKED, TrackStatus.MISSED
    frames = [
        frame((1, 0.4, 2, seen), (2, 0.9, 0, seen)),
        frame((1, 0.6, 2, seen), (2, 0.9, 0, missed)),
        frame((1, 0.3, 2, seen), (2, 0.9, 0, seen)),
    ]
    assert list(script.shown_ids(frames, 0.5, None)) == [[2], [1], [1, 2]]
    assert list(script.shown_ids(frames, 0.5, 2)) == [[], [1], [1]]


def test_figures_of_a_span(script) -> None:
    shown = [{1}, {1, 2}, {3}, set()]
    assert script.Span.read("0-3=1") == script.Span(0, 3, 1)
    assert script.figures(shown, script.Span(0, 2, 1)) == {
        **{"first": 0, "last": 2, "objects": 1},
        **{"exact": 0.667, "found": 1.0, "tracks": 3},
    }
    empty = script.figures(shown, script.Span(2, 3, 0))
    assert (empty["exact"], empty["found"], empty["tracks"]) == (0.5, 0.5, 1)
