"""The dependency of all routes of whole videos and of uploads."""

from collections.abc import Awaitable, Callable

from maskstream_server.errors import VideosOffError
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.service import VideoService


def video_api(videos: VideoService | None) -> Callable[[], Awaitable[VideoApi]]:
    """Return a dependency that finds the API of videos, where the server takes any."""

    async def find() -> VideoApi:
        if videos is None:
            raise VideosOffError(
                "This server takes no videos: "
                "neither MASKSTREAM_DATA_FOLDER nor MASKSTREAM_BUCKET is set."
            )
        return videos.desk

    return find
