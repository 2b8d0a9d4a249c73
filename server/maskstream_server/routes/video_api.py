"""What the routes of whole videos and of uploads depend on."""

from typing import Annotated

from fastapi import Depends, Request

from maskstream_server.errors import VideosOffError
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.service import VideoService


async def _videos(request: Request) -> VideoService:
    videos: VideoService | None = request.app.state.videos
    if videos is None:
        raise VideosOffError(
            "This server takes no videos: "
            "neither MASKSTREAM_DATA_FOLDER nor MASKSTREAM_BUCKET is set."
        )
    return videos


TheVideos = Annotated[VideoService, Depends(_videos)]
"""Those of the application, whose `state.videos` is None where the server takes none."""


async def _api(videos: TheVideos) -> VideoApi:
    return videos.api


TheApi = Annotated[VideoApi, Depends(_api)]
