"""Records of videos for tests."""

from dataclasses import replace

from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.jobs.records.record import VideoRecord


def video_record(video: str = "a", **changes) -> VideoRecord:
    """A queued video."""
    record = VideoRecord(video, f"{video}.mp4", JobOptions(), 1000, created_s=1.0, updated_s=1.0)
    return replace(record, **changes)
