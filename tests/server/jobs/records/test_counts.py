from dataclasses import replace

from prometheus_client import CollectorRegistry

from maskstream_server.jobs.records.counts import VideoCounts
from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.jobs.records.record import UnreadableRecord, VideoRecord, VideoState
from maskstream_server.telemetry.metrics import Metrics

RECORD = VideoRecord("a", "a.mp4", JobOptions(), 10, created_s=0.0, updated_s=90.0)


def of(state: VideoState, updated_s: float = 90.0) -> VideoRecord:
    return replace(RECORD, state=state, updated_s=updated_s)


def test_videos_are_counted_by_state_and_only_running_ones_can_be_silent():
    counted = VideoCounts(now_s=100.0)
    counted.add(of(VideoState.QUEUED, updated_s=1.0))
    counted.add(of(VideoState.DONE, updated_s=1.0))
    counted.add(of(VideoState.RUNNING, updated_s=95.0))
    counted.add(of(VideoState.RUNNING, updated_s=60.0))
    counted.add(UnreadableRecord("b", "it is damaged"))
    assert counted.silence_s == 40.0
    metrics = Metrics(CollectorRegistry())
    metrics.count_videos(counted.counts, counted.silence_s)
    read = metrics.registry.get_sample_value
    states = [*(state.value for state in VideoState), "unreadable"]
    counts = {state: read("maskstream_videos", {"state": state}) for state in states}
    assert counts == {
        "queued": 1,
        "running": 2,
        "done": 1,
        "failed": 0,
        "cancelled": 0,
        "unreadable": 1,
    }
    assert read("maskstream_video_silence_seconds") == 40.0
    metrics.count_videos(VideoCounts(now_s=200.0).counts, 0.0)
    assert read("maskstream_videos", {"state": "running"}) == 0
    assert read("maskstream_video_silence_seconds") == 0
