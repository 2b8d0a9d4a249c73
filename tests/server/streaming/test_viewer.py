"""What a viewer is sent: everything it can take, and word of the rest."""

import json

from maskstream_protocol.results import ResultMessage, decode_result
from maskstream_server.stores.interface import KeptResult
from maskstream_server.streaming.viewer import Viewer


def result(sequence: int, dropped: int = 0) -> KeptResult:
    return KeptResult(sequence, ResultMessage(sequence, 1, (4, 4), dropped=dropped).encode())


def reported(viewer: Viewer) -> list:
    """Sequences of results, and `(first, last)` of drops."""
    story = []
    while messages := viewer.take():
        for message in messages:
            if isinstance(message, str):
                drop = json.loads(message)
                assert (drop["type"], drop["reason"]) == ("drop", "superseded")
                story.append((drop["first"], drop["last"]))
            else:
                shown = decode_result(message)
                assert shown.durable
                story.append(shown.sequence)
    return story


def test_results_are_shown_in_order():
    viewer = Viewer()
    for sequence in (1, 2, 3):
        viewer.add(result(sequence))
    assert reported(viewer) == [1, 2, 3]
    assert reported(viewer) == []


def test_what_was_there_before_is_not_shown():
    viewer = Viewer()
    for sequence in (4, 5, 6):
        viewer.add(result(sequence))
    viewer.begin(5)
    assert reported(viewer) == [6]


def test_a_slow_viewer_loses_the_oldest_and_is_notified():
    viewer = Viewer(max_waiting=2)
    viewer.begin(10)
    for sequence in range(11, 20):
        viewer.add(result(sequence))
    assert reported(viewer) == [(11, 17), 18, 19]


def test_what_was_lost_on_the_way_is_reported_and_what_the_session_dropped_is_not():
    viewer = Viewer()
    viewer.add(result(1))
    viewer.add(result(4, dropped=2))
    viewer.add(result(9, dropped=1))
    assert reported(viewer) == [1, 4, (5, 7), 9]


def test_a_result_is_shown_once():
    viewer = Viewer()
    for sequence in (1, 2, 2, 1, 3):
        viewer.add(result(sequence))
    assert reported(viewer) == [1, 2, 3]


def test_the_end_of_the_session_comes_after_its_results():
    viewer = Viewer()
    viewer.add(result(1))
    viewer.add(None)
    assert viewer.ended
    assert reported(viewer) == [1]
