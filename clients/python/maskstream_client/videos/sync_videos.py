"""Whole videos for programs without asyncio: the same methods, which block."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from maskstream_client.loop_thread import iterate_blocking, run_blocking
from maskstream_client.stream_options import RetryRules
from maskstream_client.videos.async_videos import AsyncVideos

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    method: Callable[Concatenate[AsyncVideos, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Videos, P], T]:
    """The same method, which returns when it is done."""

    @wraps(method)
    def run(videos: Videos, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return run_blocking(method(videos._videos, *args, **kwargs))

    return run


def _iterating(
    method: Callable[Concatenate[AsyncVideos, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[Videos, P], Generator[T, None, None]]:
    """The same method as an iterator that blocks for each item."""

    @wraps(method)
    def run(videos: Videos, /, *args: P.args, **kwargs: P.kwargs) -> Generator[T, None, None]:
        return iterate_blocking(lambda: method(videos._videos, *args, **kwargs))

    return run


class Videos:
    """The whole videos of one server. Methods block; they are documented in `AsyncVideos`.

    `events`, `list` and `results` are iterators. Callbacks are called in another thread.

    Args:
        url: of the server; that of a stream will do.
        api_key: sent as a bearer token.
        retry: see `RetryRules`.
    """

    def __init__(
        self, url: str, *, api_key: str | None = None, retry: RetryRules | None = None
    ) -> None:
        self._videos = AsyncVideos(url, api_key=api_key, retry=retry)

    submit = _blocking(AsyncVideos.submit)
    get = _blocking(AsyncVideos.get)
    list = _iterating(AsyncVideos.list)
    events = _iterating(AsyncVideos.events)
    wait = _blocking(AsyncVideos.wait)
    results = _iterating(AsyncVideos.results)
    download = _blocking(AsyncVideos.download)
    export = _blocking(AsyncVideos.export)
    cancel = _blocking(AsyncVideos.cancel)
    delete = _blocking(AsyncVideos.delete)
    discard = _blocking(AsyncVideos.discard)
