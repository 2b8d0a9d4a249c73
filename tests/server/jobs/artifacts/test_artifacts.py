"""Which artifacts there are, and the lines that they are made of as these come."""

import threading
import time

import pytest

from maskstream_exports.formats import FORMATS
from maskstream_server.jobs.artifacts.feed import Feed, FeedStoppedError
from maskstream_server.jobs.processing.making import WRITERS
from maskstream_server.jobs.records.job_options import ARTIFACTS
from maskstream_server.jobs.records.record import ResultPart
from support.uploads import video_record


def test_every_artifact_that_can_be_requested_can_be_made():
    assert set(WRITERS) == set(ARTIFACTS) == {*FORMATS, "overlay.mp4"}


def test_a_feed_gives_what_counts_as_it_comes_and_ends_with_the_last(tmp_path):
    (tmp_path / "a").write_bytes(b"0\n1\nnot counted")
    (tmp_path / "b").write_bytes(b"2\n3\n4\n")
    feed, got = Feed(tmp_path), []
    reader = threading.Thread(target=lambda: got.extend(feed))
    reader.start()
    first = ResultPart("a", 0, 4)
    for parts, next_frame, complete in (
        ((), 0, False),
        ((first,), 2, False),
        ((first, ResultPart("b", 2, 2)), 3, False),
        ((first, ResultPart("b", 2, 6)), 5, True),
    ):
        time.sleep(0.05)
        feed.advance(video_record(parts=parts, next_frame=next_frame, all_frames=complete))
    reader.join(60)
    assert got == list(feed) == [b"0\n", b"1\n", b"2\n", b"3\n", b"4\n"]


def test_a_feed_that_is_stopped_lets_its_readers_go(tmp_path):
    feed = Feed(tmp_path)
    threading.Timer(0.1, feed.stop).start()
    with pytest.raises(FeedStoppedError):
        next(iter(feed))
