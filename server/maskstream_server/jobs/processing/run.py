"""One worker's work on one video: the file, its frames, the files that are made of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

from maskstream_model.errors import StateError
from maskstream_server.errors import MaskstreamServerError
from maskstream_server.jobs.processing.claimed import Claimed
from maskstream_server.jobs.processing.frame_work import FrameWork
from maskstream_server.jobs.processing.making import Making
from maskstream_server.jobs.processing.offline_tracking import OfflineTracking
from maskstream_server.jobs.processing.tracking import OnlineTracking, Tracking
from maskstream_server.jobs.processing.worker_parts import WorkerParts
from maskstream_server.jobs.records.record import VideoRecord, fetched, finish, start_over
from maskstream_server.jobs.records.store import Memory
from maskstream_server.session.memory import MemoryDamagedError


class NoRefinerError(MaskstreamServerError):
    """The video was taken in by a server with another model."""


class VideoRun:
    """What a worker does with a video that it has claimed.

    Args:
        parts: what it works with.
        record: as claimed; its fence is the worker's.
    """

    def __init__(self, parts: WorkerParts, record: VideoRecord) -> None:
        self._video = Claimed(parts, record)
        self._thread = ThreadPoolExecutor(1, "video-writer")

    async def run(self) -> None:
        """Do what is left to do, from the last checkpoint to the end.

        Raises:
            FencedOutError: the video is another's now, or cancelled.
            MaskstreamServerError: the text says why it cannot be done.
            NoSpaceError: the disk is full.
        """
        try:
            await self._fetch()
            await self._work()
        finally:
            video = self._video
            self._thread.submit(partial(video.parts.files.leave, video.record))
            self._thread.shutdown(wait=False)

    async def write(
        self, transition: Callable[[VideoRecord], VideoRecord], memory: Memory | None = None
    ) -> None:
        """Change the record; see `Claimed.write`."""
        await self._video.write(transition, memory)

    async def _fetch(self) -> None:
        """Bring what there is; and the file, where nobody has brought it from its address yet."""
        video, files = self._video, self._video.parts.files
        await video.outlast(partial(files.bring, video.record))
        url = video.record.url
        if url is None or video.source.exists():
            return
        assert video.parts.fetcher is not None
        num_bytes = await video.parts.fetcher.fetch(url, video.source, video.fence)
        await video.outlast(partial(files.keep_source, video.record))
        await video.write(lambda record: fetched(record, video.fence, num_bytes, video.now_s()))

    async def _work(self) -> None:
        video = self._video
        tracking = None if video.record.all_frames else await self._restored()
        making = Making(video.record, video.folder, video.material)
        try:
            making.advance(video.record)
            if tracking is not None:
                await FrameWork(video, tracking, making, self._thread).run()
            warning = await making.finish()
            await video.outlast(partial(video.parts.files.keep_artifacts, video.record))
            await video.write(lambda old: finish(old, video.fence, warning, video.now_s()), {})
        finally:
            making.stop()

    async def _restored(self) -> Tracking:
        """Take up the memory of the last checkpoint; where that cannot be, start over."""
        video, tracking = self._video, self._tracking()
        num_done = video.record.next_frame
        if num_done == 0:
            return tracking
        try:
            tracking.restore(num_done, await video.parts.store.memory(video.record.id))
            return tracking
        except (MemoryDamagedError, StateError) as error:
            log = structlog.get_logger(__name__)
            log.warning("video_starts_over", video=video.record.id, reason=str(error))
            await video.write(lambda record: start_over(record, video.fence, video.now_s()), {})
            return self._tracking()

    def _tracking(self) -> Tracking:
        parts, options = self._video.parts, self._video.record.options
        session = f"video {self._video.record.id}"
        if options.mode == "online":
            every = parts.checkpoint_every
            return OnlineTracking(parts.engine, session, options, parts.max_tracks, every)
        if parts.offline is None:
            raise NoRefinerError(f"The model {parts.model.config.name!r} has no refiner.")
        return OfflineTracking(parts.engine, parts.offline, session, options, parts.max_tracks)
