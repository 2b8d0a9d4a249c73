"""The work on a claimed video: the file, its frames, the files that are made of them."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

from maskstream_model.errors import StateError
from maskstream_server.jobs.processing.frame_loop import FrameLoop
from maskstream_server.jobs.processing.job import VideoJob
from maskstream_server.jobs.processing.making import Making
from maskstream_server.jobs.processing.tracking import Tracking
from maskstream_server.jobs.records.record import fetched, finish, start_over
from maskstream_server.session.memory import MemoryDamagedError


async def run_job(job: VideoJob) -> None:
    """Do what is left to do, from the last checkpoint to the end.

    Raises:
        FencedOutError: the video is another's now, or cancelled.
        MaskstreamServerError: the text says why it cannot be done.
        NoSpaceError: the disk is full.
    """
    thread = ThreadPoolExecutor(1, "video-writer")
    try:
        await _fetch(job)
        await _work(job, thread)
    finally:
        thread.submit(partial(job.parts.files.leave, job.record))
        thread.shutdown(wait=False)


async def _fetch(job: VideoJob) -> None:
    """Restore the files of the video, and fetch its source where that is not done yet."""
    files, url = job.parts.files, job.record.url
    await job.outlast(partial(files.bring, job.record))
    if url is None or job.source.exists():
        return
    assert job.parts.fetcher is not None
    num_bytes = await job.parts.fetcher.fetch(url, job.source, job.fence)
    await job.outlast(partial(files.keep_source, job.record))
    await job.write(lambda record: fetched(record, job.fence, num_bytes, job.now_s()))


async def _work(job: VideoJob, thread: ThreadPoolExecutor) -> None:
    tracking = None if job.record.all_frames else await _restored(job)
    making = Making(job.record, job.folder, job.material)
    try:
        making.advance(job.record)
        if tracking is not None:
            await FrameLoop(job, tracking, making, thread).run()
        warning = await making.finish()
        await job.outlast(partial(job.parts.files.keep_artifacts, job.record))
        await job.write(lambda old: finish(old, job.fence, warning, job.now_s()), {})
    finally:
        making.stop()


async def _restored(job: VideoJob) -> Tracking:
    """Take up the memory of the last checkpoint; where that cannot be, start over."""
    tracking, num_done = job.tracking(), job.record.next_frame
    if num_done == 0:
        return tracking
    try:
        await tracking.restore(num_done, await job.parts.store.memory(job.record.id))
        return tracking
    except (MemoryDamagedError, StateError) as error:
        log = structlog.get_logger(__name__)
        log.warning("video_starts_over", video=job.record.id, reason=str(error))
        await job.write(lambda record: start_over(record, job.fence, job.now_s()), {})
        return job.tracking()
