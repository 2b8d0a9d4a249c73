"""What routes of whole videos and of uploads begin with: who may come in, and the desk."""

from collections.abc import Awaitable, Callable

from fastapi import Request

from maskstream_server.http.access import check_key, check_origin
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.errors import VideosOffError
from maskstream_server.lifecycle.service import Service


def admission(service: Service) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency that lets in whom the operator admits."""

    async def admitted(request: Request) -> None:
        check_key(request.headers, service.settings)
        check_origin(request.headers, service.settings)

    return admitted


def desk_of(service: Service) -> Callable[[], Awaitable[VideoApi]]:
    """Return a dependency that finds the desk of videos."""

    async def at_desk() -> VideoApi:
        if service.videos is None:
            raise VideosOffError(
                "This server takes no videos: "
                "neither MASKSTREAM_DATA_FOLDER nor MASKSTREAM_BUCKET is set."
            )
        return service.videos.api

    return at_desk
