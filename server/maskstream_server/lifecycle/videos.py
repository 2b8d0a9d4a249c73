"""Builds the parts for whole videos from settings: store, queue, files, worker."""

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from maskstream_server.config.settings import Settings
from maskstream_server.engine.engine import Engine
from maskstream_server.errors import StartError
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.intake.fetching import Fetcher
from maskstream_server.jobs.intake.intake import Intake
from maskstream_server.jobs.intake.resumable import ResumableUploads
from maskstream_server.jobs.maintenance.maintenance import Maintenance, Retention
from maskstream_server.jobs.maintenance.ownership import Ownership
from maskstream_server.jobs.processing.job import WorkerParts
from maskstream_server.jobs.processing.worker import JobWorker
from maskstream_server.jobs.queue import VideoQueue
from maskstream_server.jobs.records.clock import StoreClock
from maskstream_server.jobs.records.counts import VideoCounts
from maskstream_server.jobs.records.memory_store import MemoryVideoStore
from maskstream_server.jobs.records.store import GRACE_S, VideoStore
from maskstream_server.jobs.service import VideoService
from maskstream_server.jobs.storage.files import VideoFiles
from maskstream_server.jobs.storage.lock import hold_folder
from maskstream_server.jobs.webhooks.delivery import WebhookSender
from maskstream_server.lifecycle.models import Models
from maskstream_server.media.decoder import OpenVideo, open_video
from maskstream_server.media.limits import VideoLimits
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
    tracing: Tracing,
    metrics: WorkMetrics,
) -> VideoService | None:
    """Return what serves and works on videos; None where a shared Redis comes without a folder.

    Raises:
        StartError: the folder cannot be made, or the bucket not be used.
    """
    metrics.count_videos(VideoCounts(0.0).counts, 0.0)
    if settings.keeps_no_videos:
        return None
    root, clean_up = _folder(settings)
    files = open_files(settings, root)
    store, clock = open_store(settings), StoreClock()
    webhooks = _webhooks(settings, store, clock)
    api = _api(settings, store, files, clock, webhooks, models)
    worker = None
    if settings.video_jobs:
        parts = _worker_parts(settings, models, api, clock, engine, decode)
        worker = JobWorker(parts, tracing, metrics)
    return VideoService(api, worker, settings.video_jobs, webhooks, clean_up, metrics, clock)


def _api(
    settings: Settings,
    store: VideoStore,
    files: VideoFiles,
    clock: StoreClock,
    webhooks: WebhookSender | None,
    models: Models,
) -> VideoApi:
    in_process = settings.store == "memory"
    uploads = ResumableUploads(
        files,
        settings.max_video_bytes,
        settings.upload_expiry_s,
        settings.upload_begin_s,
        now_s=clock,
    )
    maintenance = Maintenance(
        store=store,
        queue=VideoQueue(f"memory://{uuid.uuid4()}" if in_process else settings.store),
        files=files,
        ownership=Ownership(store, files),
        retention=Retention(settings.video_retention_s, uploads.waits_s(1), uploads.waits_s(0)),
        wake=(lambda video: None) if webhooks is None else webhooks.wake,
        now_s=clock,
    )
    intake = Intake(
        files=files,
        uploads=uploads,
        sources=source_rules(settings),
        webhooks=webhook_rules(settings),
        model=models.live.info,
        refines=models.refining is not None,
        max_bytes=settings.max_video_bytes,
        now_s=clock,
    )
    return VideoApi(maintenance, intake)


def _worker_parts(
    settings: Settings,
    models: Models,
    api: VideoApi,
    clock: StoreClock,
    engine: Engine[Any],
    decode: OpenVideo,
) -> WorkerParts:
    client = OutboundClient(source_rules(settings))
    return WorkerParts(
        engine=engine,
        store=api.store,
        files=api.files,
        open_video=decode,
        open_sound=partial(open_sound, limits=video_limits(settings)),
        refining=models.refining,
        max_tracks=settings.max_tracks,
        checkpoint_every=settings.checkpoint_frames,
        now_s=clock,
        fetcher=Fetcher(client, api.files, settings.max_video_bytes),
    )


def source_rules(settings: Settings) -> HostRules:
    """Return where files of videos may be fetched from."""
    return HostRules(settings.video_url_hosts, settings.private_hosts, "MASKSTREAM_VIDEO_URL_HOSTS")


def webhook_rules(settings: Settings) -> HostRules:
    """Return which hosts webhooks may go to."""
    return HostRules(settings.webhook_hosts, settings.private_hosts, "MASKSTREAM_WEBHOOK_HOSTS")


def _webhooks(settings: Settings, store: VideoStore, clock: StoreClock) -> WebhookSender | None:
    if settings.webhook_secret is None:
        return None
    key = secret_key(settings.webhook_secret.get_secret_value())
    return WebhookSender(store, OutboundClient(webhook_rules(settings)), key, clock)


def decode_upload(settings: Settings) -> OpenVideo:
    """Return what decodes an uploaded file in a child process, within the operator's limits."""
    return partial(open_video, limits=video_limits(settings))


def video_limits(settings: Settings) -> VideoLimits:
    """Return what one video may cost."""
    return VideoLimits(max_pixels=settings.max_frame_pixels)


def _folder(settings: Settings) -> tuple[Path, Callable[[], None]]:
    """Return where videos are, and what releases or removes that at the end.

    Raises:
        StartError: it cannot be used, or a process with other records uses it.
    """
    if settings.data_folder is not None:
        root = videos_folder(settings.data_folder)
        with _folder_errors():
            root.mkdir(parents=True, exist_ok=True)
            return root, hold_folder(root, alone=settings.store == "memory")
    root = Path(tempfile.mkdtemp(prefix="maskstream-videos-"))
    return root, partial(shutil.rmtree, root, ignore_errors=True)


def videos_folder(data_folder: Path) -> Path:
    """Return where in the folder of the settings the videos are."""
    return data_folder / "videos"


def open_files(settings: Settings, root: Path) -> VideoFiles:
    """Return the files of videos, in a folder or a bucket.

    Args:
        settings: what the operator decided.
        root: the folder, also where they end up in a bucket.

    Raises:
        StartError: the folder cannot be made, or the bucket not be used.
    """
    bounds = settings.data_max_bytes, settings.min_free_bytes
    with _folder_errors():
        if settings.bucket is None:
            return VideoFiles(root, *bounds)
        try:
            # s3fs is an extra, and takes a while to import.
            from maskstream_server.jobs.storage.bucket_files import BucketFiles, open_bucket
        except ModuleNotFoundError:
            raise StartError(
                "MASKSTREAM_BUCKET needs s3fs: pip install 'maskstream[s3]'."
            ) from None
        return BucketFiles(root, *bounds, open_bucket(settings.bucket))


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
    from maskstream_server.jobs.records.redis_store import RedisVideoStore

    return RedisVideoStore(settings.store, keep_s)
