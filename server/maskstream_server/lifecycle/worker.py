"""A process that works on whole videos for servers with the same Redis and storage."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from maskstream_server.config.settings import Settings
from maskstream_server.engine.engine import Engine
from maskstream_server.errors import StartError
from maskstream_server.jobs.service import VideoService
from maskstream_server.lifecycle.assembly import (
    build_engine,
    new_registry,
    open_tracing,
    owner_name,
)
from maskstream_server.lifecycle.forced_exit import LAST_S, end_stopped, end_within
from maskstream_server.lifecycle.models import Models
from maskstream_server.lifecycle.readings import show_device, show_engine
from maskstream_server.lifecycle.service import LAST_WAIT_S
from maskstream_server.lifecycle.videos import build_videos, decode_upload
from maskstream_server.lifecycle.worker_health import WatchedWorker, serve_beside
from maskstream_server.media.decoder import OpenVideo
from maskstream_server.telemetry.work_metrics import WorkMetrics


def check_shared(settings: Settings) -> None:
    """Check that there is something to share.

    Raises:
        StartError: no Redis, no folder or bucket, or no video at a time.
    """
    if settings.store == "memory":
        raise StartError("A worker takes videos from a Redis: set MASKSTREAM_STORE to its address.")
    if settings.keeps_no_videos:
        raise StartError("A worker needs the servers' MASKSTREAM_DATA_FOLDER or MASKSTREAM_BUCKET.")
    if settings.video_jobs == 0:
        raise StartError("MASKSTREAM_VIDEO_JOBS=0 leaves a worker nothing to do.")


def work_forever(
    settings: Settings,
    models: Models,
    ready: Callable[[], None],
    open_video: OpenVideo | None = None,
    watched: socket.socket | None = None,
) -> None:
    """Work until a signal comes; then release the jobs under way, and end the process.

    Args:
        settings: what the operator decided; see `check_shared`.
        models: what it runs.
        ready: called once videos are taken.
        open_video: decodes whole videos; None: `media` does.
        watched: where metrics and health are asked for, bound already; None: nowhere.

    Raises:
        StartError: the folder cannot be used, or the engine could not warm up.
    """
    registry = new_registry()
    metrics = WorkMetrics(registry)
    engine = build_engine(settings, models.live, metrics)
    show_engine(engine, registry)
    show_device(settings.device, registry)
    tracing = open_tracing(settings, owner_name())
    decode = open_video or decode_upload(settings)
    videos = build_videos(settings, models, engine, decode, tracing=tracing, metrics=metrics)
    assert videos is not None
    worker = WatchedWorker(engine, videos.api, videos.folder, socket.gethostname(), registry)
    stopped = Stopped()
    work = _work(settings, engine, videos, ready, stopped)
    try:
        asyncio.run(work if watched is None else _watched(worker, settings, watched, work))
    finally:
        tracing.close()
    end_stopped(stopped.by, stopped.is_ready, engine.has_thread)


@dataclass
class Stopped:
    """How the work ended: the signal that asked for it, and whether videos were taken before."""

    by: int = 0
    is_ready: bool = False


async def _watched(
    worker: WatchedWorker,
    settings: Settings,
    bound: socket.socket,
    work: Coroutine[Any, Any, None],
) -> None:
    answering = asyncio.create_task(serve_beside(worker, settings, bound))
    try:
        await work
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


async def _work(
    settings: Settings,
    engine: Engine[Any],
    videos: VideoService,
    ready: Callable[[], None],
    stopped: Stopped,
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if not stopping.is_set():
            stopping.set()
            stopped.by = number
            end_within(settings.drain_s + LAST_S)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    stopped.is_ready = await _started(engine, stopping)
    if stopped.is_ready:
        videos.start()
        ready()
        await stopping.wait()
        await videos.stop()
    await engine.stop(settings.drain_s if stopped.is_ready else LAST_WAIT_S)


async def _started(engine: Engine[Any], stopping: asyncio.Event) -> bool:
    """Start the engine; False where an end was asked for before it was warm."""
    starting, asked = asyncio.create_task(engine.start()), asyncio.create_task(stopping.wait())
    await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if not starting.done():
        starting.cancel()
        return False
    try:
        await starting
    except Exception as error:
        raise StartError(f"The engine could not warm up: {error}") from error
    return True
