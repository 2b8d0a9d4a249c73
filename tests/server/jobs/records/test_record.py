"""The life of a video's record: pure."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskstream_server.errors import FencedOutError, RecordUnreadableError
from maskstream_server.jobs.records.coding import record_from_json, record_to_json
from maskstream_server.jobs.records.fields import part_name
from maskstream_server.jobs.records.job_options import ARTIFACTS, JobOptions
from maskstream_server.jobs.records.public import public_json
from maskstream_server.jobs.records.record import (
    MAX_ATTEMPTS,
    Progress,
    ResultPart,
    VideoState,
    cancel,
    checkpoint,
    claim,
    fail,
    finish,
    release,
    seen,
    start_over,
)
from support.uploads import video_record

PART = ResultPart("results-1.ndjson", 0, 500)
COUNTS = st.integers(0, 2**53)
DAMAGES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"{}",
    b"[" * 100_000,
    {"options": {"speed": 2}},
    {"options": {"mode": "sideways"}},
    {"options": None},
    {"options": []},
    {"state": "paused"},
    {"id": "b"},
    {"id": "../b"},
    {"name": 7},
    {"num_bytes": "many"},
    {"fence": -1},
    {"revision": 1.5},
    {"next_frame": 10**400},
    {"created_s": 1e30},
    {"updated_s": float("nan")},
    {"all_frames": "yes"},
    {"parts": [{"name": "../../etc/passwd", "first_frame": 0, "num_bytes": 500}]},
    {"parts": [{"name": "results-1.ndjson\n", "first_frame": 0, "num_bytes": 500}]},
    {"parts": [{"name": "source", "first_frame": 0, "num_bytes": 500}]},
    {"parts": [{"name": "results-1.ndjson"}]},
    {"parts": 3},
    {"artifacts": ["../../etc/passwd"]},
    {"artifacts": ["source"]},
    {"artifacts": "ytvis.json"},
]


def test_a_claim_gives_the_video_to_one_worker():
    record = claim(video_record(), 5.0)
    assert (record.state, record.fence, record.attempt) == (VideoState.RUNNING, 1, 1)
    assert (record.began_s, record.began_frame) == (5.0, 0)


def test_a_worker_whose_video_was_claimed_anew_cannot_write():
    first = claim(video_record(), 5.0)
    second = claim(first, 6.0)
    writes = [
        lambda: checkpoint(second, first.fence, Progress(10, PART), 7.0),
        lambda: finish(second, first.fence, (), 7.0),
        lambda: fail(second, first.fence, "no", 7.0),
        lambda: release(second, first.fence, 7.0),
        lambda: start_over(second, first.fence, 7.0),
        lambda: seen(second, first.fence, 10, None, 7.0),
    ]
    for write in writes:
        with pytest.raises(FencedOutError):
            write()


def test_a_checkpoint_counts_the_writers_part_as_far_as_it_goes():
    record = claim(video_record(), 5.0)
    record = checkpoint(record, 1, Progress(10, PART, 40), 6.0)
    record = checkpoint(record, 1, Progress(20, replace(PART, num_bytes=900), 40), 7.0)
    record = claim(record, 8.0)
    record = checkpoint(record, 2, Progress(30, ResultPart("results-2.ndjson", 20, 70), 40), 9.0)
    assert record.next_frame == 30
    assert [(part.name, part.num_bytes) for part in record.parts] == [
        ("results-1.ndjson", 900),
        ("results-2.ndjson", 70),
    ]


def test_a_video_that_takes_three_workers_down_fails_and_says_so():
    record = video_record()
    for _ in range(MAX_ATTEMPTS):
        record = claim(record, 5.0)
        assert record.state is VideoState.RUNNING
    record = claim(replace(record, next_frame=17), 6.0)
    assert record.state is VideoState.FAILED
    assert record.reason == (
        "3 workers ended while they worked on this video, the last one after frame 17."
    )


def test_workers_that_stop_in_order_are_not_counted():
    record = video_record()
    for fence in range(1, 10):
        record = release(claim(record, 5.0), fence, 6.0)
    assert (record.state, record.attempt, record.fence) == (VideoState.QUEUED, 0, 9)


def test_the_end_is_final():
    running = claim(video_record(), 5.0)
    for ended in (finish(running, 1, None, 6.0), fail(running, 1, "no", 6.0), cancel(running, 6.0)):
        for write in (lambda r: claim(r, 7.0), lambda r: cancel(r, 7.0)):
            with pytest.raises(FencedOutError):
                write(ended)
        with pytest.raises(FencedOutError):
            checkpoint(ended, ended.fence, Progress(10, PART), 7.0)


def test_a_finished_video_has_as_many_frames_as_were_counted():
    record = checkpoint(claim(video_record(), 5.0), 1, Progress(38, PART, 40), 6.0)
    assert public_json(record)["percent"] == 95.0
    record = checkpoint(record, 1, Progress(38, PART, 40, last=True), 6.5)
    assert record.all_frames
    assert public_json(record)["percent"] < 100
    record = finish(record, 1, "No sound.", 7.0)
    reported = public_json(record)
    assert (reported["percent"], reported["frames_total"], reported["artifacts"]) == (
        100.0,
        38,
        ["ytvis.json"],
    )


def test_progress_is_reported_with_the_speed_of_the_worker_at_work():
    record = replace(video_record(), next_frame=100)
    record = checkpoint(claim(record, 50.0), 1, Progress(120, PART, 200), 60.0)
    reported = public_json(record)
    assert (reported["fps"], reported["eta_s"], reported["percent"]) == (2.0, 40.0, 60.0)


def test_progress_and_speed_go_by_what_the_model_has_seen_before_there_are_results():
    record = seen(claim(video_record(), 5.0), 1, 20, 40, 15.0)
    reported = public_json(record)
    assert (reported["frames_done"], reported["percent"]) == (0, 50.0)
    assert (reported["fps"], reported["eta_s"]) == (2.0, 10.0)
    record = checkpoint(record, 1, Progress(10, PART, 40), 16.0)
    assert (record.next_frame, record.seen_frame) == (10, 20)
    again = claim(record, 20.0)
    assert (again.seen_frame, public_json(again)["fps"]) == (10, None)
    assert start_over(again, 2, 21.0).seen_frame == 0


def test_a_file_with_a_wrong_length_is_never_at_100_percent_before_its_end():
    record = checkpoint(claim(video_record(), 5.0), 1, Progress(500, PART, 400), 6.0)
    assert public_json(record)["percent"] < 100
    assert public_json(record)["eta_s"] == 0


@given(
    st.builds(
        video_record,
        name=st.text(),
        state=st.sampled_from(VideoState),
        reason=st.none() | st.text(),
        fence=COUNTS,
        next_frame=COUNTS,
        frames_total=st.none() | COUNTS,
        parts=st.lists(
            st.builds(ResultPart, COUNTS.map(part_name), COUNTS, COUNTS), max_size=3
        ).map(tuple),
        artifacts=st.lists(st.sampled_from(ARTIFACTS), max_size=3).map(tuple),
        options=st.builds(JobOptions, min_score=st.none() | st.floats(0, 1)),
        began_s=st.none() | st.floats(0, 1e10),
    )
)
def test_records_come_back_from_json_as_they_were(record):
    assert record_from_json(record_to_json(record), "a") == record


@pytest.mark.parametrize("change", DAMAGES)
def test_a_record_that_this_version_could_not_have_written_is_refused(change):
    fields = json.loads(record_to_json(video_record(parts=(PART,), artifacts=("ytvis.json",))))
    text = change if isinstance(change, bytes) else json.dumps(fields | change).encode()
    with pytest.raises(RecordUnreadableError, match="cannot be read here") as raised:
        record_from_json(text, "a")
    assert not raised.value.reason.endswith(".")


def test_fields_of_a_later_version_are_passed_over():
    fields = json.loads(record_to_json(video_record())) | {"colour": "blue"}
    assert record_from_json(json.dumps(fields).encode(), "a") == video_record()
