"""Whole videos: handed in by upload, watched, and their files fetched (docs/videos.md)."""

from maskstream_client.video_record import Video
from maskstream_client.videos.async_videos import AsyncVideos
from maskstream_client.videos.lines import FrameLine, FrameObject
from maskstream_client.videos.sync_videos import Videos
from maskstream_client.videos.video_options import Submission, VideoOptions

__all__ = [
    "AsyncVideos",
    "FrameLine",
    "FrameObject",
    "Submission",
    "Video",
    "VideoOptions",
    "Videos",
]
