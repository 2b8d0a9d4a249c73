"""Builds the parts for whole videos from settings: store, queue, files, worker."""

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from maskstream_server.config.settings import Settings
from maskstream_server.engine.engine import Engine
from maskstream_server.errors import StartError
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.intake.fetching import Fetcher
from maskstream_server.jobs.intake.intake import Reception
from maskstream_server.jobs.intake.resumable import ResumableUploads
from maskstream_server.jobs.processing.worker import VideoWorker
from maskstream_server.jobs.processing.worker_parts import WorkerParts
from maskstream_server.jobs.queue import DocketQueue
from maskstream_server.jobs.records.clock import StoreClock
from maskstream_server.jobs.records.memory_store import MemoryVideoStore
from maskstream_server.jobs.records.options import ModelFacts
from maskstream_server.jobs.records.store import GRACE_S, VideoStore
from maskstream_server.jobs.service import VideoService
from maskstream_server.jobs.storage.files import VideoFiles
from maskstream_server.jobs.storage.lock import hold_folder
from maskstream_server.jobs.webhooks.delivery import WebhookSender
from maskstream_server.lifecycle.models import Models
from maskstream_server.media.decoder import open_video
from maskstream_server.media.limits import VideoLimits
from maskstream_server.media.ports import DecodingVideo, OpenVideo
from maskstream_server.media.soundtrack import open_sound
from maskstream_server.outbound.client import OutboundClient
from maskstream_server.outbound.rules import HostRules
from maskstream_server.outbound.signature import secret_key
from maskstream_server.telemetry.tracing import Tracing
from maskstream_server.telemetry.work_metrics import WorkMetrics


def build_videos(
    settings: Settings,
    models: Models,
    engine: Engine[Any],
    decode: OpenVideo,
    *,
    tracing: Tracing | None = None,
    metrics: WorkMetrics | None = None,
) -> VideoService | None:
    """Return what serves and works on videos; None where a shared Redis comes without a folder.

    Raises:
        StartError: the folder cannot be made, or the bucket not be used.
    """
    if settings.keeps_no_videos:
        return None
    root, clean_up = _folder(settings)
    files = open_files(settings, root)
    store, clock = open_store(settings), StoreClock()
    queue = DocketQueue(
        f"memory://{uuid.uuid4()}" if settings.store == "memory" else settings.store
    )
    info = models.live.info
    facts = ModelFacts(
        name=info.name, refines=models.offline is not None, panoptic=info.task == "panoptic"
    )
    sources, max_bytes = source_rules(settings), settings.max_video_bytes
    reception = Reception(
        files=files,
        uploads=ResumableUploads(
            files,
            max_bytes,
            settings.upload_expiry_s,
            settings.upload_begin_s,
            now_s=clock,
        ),
        sources=sources,
        webhooks=webhook_rules(settings),
        model=facts,
        max_bytes=max_bytes,
        now_s=clock,
    )
    courier = _courier(settings, store, clock)
    desk = VideoApi(store, queue, reception, retention_s=settings.video_retention_s)
    if courier is not None:
        desk = replace(desk, wake=courier.wake)
    parts = WorkerParts(
        engine=engine,
        store=store,
        files=files,
        open_video=decode,
        open_sound=partial(open_sound, limits=video_limits(settings)),
        offline=models.offline,
        max_tracks=settings.max_tracks,
        checkpoint_every=settings.checkpoint_frames,
        now_s=clock,
        fetcher=Fetcher(OutboundClient(sources), files, max_bytes),
    )
    worker = VideoWorker(parts, tracing, metrics) if settings.video_jobs else None
    counted = (lambda census: None) if metrics is None else metrics.count_videos
    return VideoService(desk, worker, settings.video_jobs, courier, clean_up, counted, clock)


def source_rules(settings: Settings) -> HostRules:
    """Return where files of videos may be fetched from."""
    return HostRules(settings.video_url_hosts, settings.private_hosts, "MASKSTREAM_VIDEO_URL_HOSTS")


def webhook_rules(settings: Settings) -> HostRules:
    """Return which hosts may be told that a video has ended."""
    return HostRules(settings.webhook_hosts, settings.private_hosts, "MASKSTREAM_WEBHOOK_HOSTS")


def _courier(settings: Settings, store: VideoStore, clock: StoreClock) -> WebhookSender | None:
    if settings.webhook_secret is None:
        return None
    key = secret_key(settings.webhook_secret.get_secret_value())
    return WebhookSender(store, OutboundClient(webhook_rules(settings)), key, clock)


def decode_upload(settings: Settings) -> OpenVideo:
    """Return what decodes a stranger's file in a child process, within the operator's limits."""
    limits = video_limits(settings)

    def decode(path: Path, *, skip: int, stride: int) -> DecodingVideo:
        return open_video(path, limits, skip=skip, stride=stride)

    return decode


def video_limits(settings: Settings) -> VideoLimits:
    """Return what one video may cost."""
    return VideoLimits(max_pixels=settings.max_frame_pixels)


def _folder(settings: Settings) -> tuple[Path, Callable[[], None]]:
    """Return where videos lie, and what lets it go or removes it at the end.

    Raises:
        StartError: it cannot be used, or somebody uses it who has other records.
    """
    if settings.data_folder is not None:
        root = videos_folder(settings.data_folder)
        with _folder_errors():
            root.mkdir(parents=True, exist_ok=True)
            return root, hold_folder(root, alone=settings.store == "memory")
    root = Path(tempfile.mkdtemp(prefix="maskstream-videos-"))
    return root, partial(shutil.rmtree, root, ignore_errors=True)


def videos_folder(data_folder: Path) -> Path:
    """Return where in the folder of the settings the videos lie."""
    return data_folder / "videos"


def open_files(settings: Settings, root: Path) -> VideoFiles:
    """Return the files of videos, in a folder or a bucket.

    Args:
        settings: what the operator decided.
        root: the folder, also where they end up in a bucket.

    Raises:
        StartError: the folder cannot be made, or the bucket not be used.
    """
    room = settings.data_max_bytes, settings.min_free_bytes
    with _folder_errors():
        if settings.bucket is None:
            return VideoFiles(root, *room)
        try:
            # s3fs is an extra, and takes a while to import.
            from maskstream_server.jobs.storage.bucket_files import BucketFiles, open_bucket
        except ModuleNotFoundError:
            raise StartError(
                "MASKSTREAM_BUCKET needs s3fs: pip install 'maskstream[s3]'."
            ) from None
        return BucketFiles(root, *room, open_bucket(settings.bucket))


@contextmanager
def _folder_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}"
        raise StartError(f"MASKSTREAM_DATA_FOLDER cannot be used: {reason}.") from None


def open_store(settings: Settings) -> VideoStore:
    """Return the store of records of videos."""
    keep_s = settings.video_retention_s + GRACE_S
    if settings.store == "memory":
        return MemoryVideoStore(keep_s)
    # Redis is only imported where it is used.
    from maskstream_server.stores.redis import RedisVideoStore

    return RedisVideoStore(settings.store, keep_s)
