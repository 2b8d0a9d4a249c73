"""What `maskstream bench-video` does: whole videos in this process, beside the model alone."""

import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import torch

from maskstream_server.assembly import build_engine, engine_threads, load, online_part
from maskstream_server.bench_memory import MemoryMeter
from maskstream_server.bench_report import tell
from maskstream_server.errors import MaskstreamServerError
from maskstream_server.jobs.assembly import decode_upload, video_limits
from maskstream_server.jobs.files import VideoFiles
from maskstream_server.jobs.memory_store import MemoryVideoStore
from maskstream_server.jobs.options import VideoOptions
from maskstream_server.jobs.record import VideoRecord, VideoState
from maskstream_server.jobs.run import WorkerParts
from maskstream_server.jobs.worker import VideoWorker
from maskstream_server.media.soundtrack import open_sound
from maskstream_server.settings import Settings

VIDEO: Final = "bench"
WARM_UP_FRAMES: Final = 5
FRAMES_AT_ONCE: Final = 32


class BenchError(MaskstreamServerError):
    """The video cannot be measured; the text says why."""


@dataclass(frozen=True)
class BenchRun:
    """One way to work on the video: `name` in the report, and what is wished for."""

    name: str
    options: VideoOptions


RUNS: Final = (
    BenchRun("ytvis", VideoOptions(artifacts=("ytvis.json",))),
    BenchRun("ytvis_overlay", VideoOptions(artifacts=("ytvis.json", "overlay.mp4"))),
)


def run_bench(settings: Settings, clip: Path, out: Path | None) -> None:
    """Measure, print the report as JSON and write it where asked.

    Raises:
        BenchError: the video failed.
        MediaError: it cannot be read.
    """
    model = load(settings)
    alone = partial(measure_alone, settings, online_part(model), clip)
    threads, cores = engine_threads(settings), torch.get_num_threads()
    report = alone(threads)
    quickest = report if threads == cores else alone(cores)
    report["model_alone_on_all_cores"] = quickest["model_alone"]
    for run in RUNS:
        measured = asyncio.run(measure_job(settings, model, clip, run.options))
        for name, of in (("ratio", report), ("ratio_to_all_cores", quickest)):
            measured[name] = round(measured["seconds"] / of["model_alone"]["seconds"], 3)
        report[run.name] = measured
    tell(report, out)


def measure_alone(settings: Settings, model: Any, clip: Path, threads: int) -> dict[str, Any]:
    """Step every frame in a thread of its own, as the engine does; only the steps are counted."""
    with ThreadPoolExecutor(1, "alone") as thread:
        return thread.submit(_alone, settings, model, clip, threads).result()


def _alone(settings: Settings, model: Any, clip: Path, threads: int) -> dict[str, Any]:
    torch.set_num_threads(threads)
    decode = decode_upload(settings)
    with closing(decode(clip, skip=0, stride=1)) as video:
        state = model.initial_state()
        for frame in islice(video, WARM_UP_FRAMES):
            _, state = model.step(frame.pixels, state, settings.max_tracks)
    state, seconds, cpu_s, num_frames = model.initial_state(), 0.0, 0.0, 0
    with closing(decode(clip, skip=0, stride=1)) as video:
        frames = iter(video)
        # Several at a time, so that the decoder is at rest while they are stepped.
        while some := list(islice(frames, FRAMES_AT_ONCE)):
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            for frame in some:
                _, state = model.step(frame.pixels, state, settings.max_tracks)
            seconds += time.perf_counter() - began_s
            cpu_s += time.process_time() - began_cpu_s
            num_frames += len(some)
    times = {"seconds": round(seconds, 3), "cpu_seconds": round(cpu_s, 3)}
    return {
        "model": model.config.name,
        "frames": num_frames,
        "size": list(frame.pixels.shape[:2]),
        "model_alone": {"threads": threads, **times},
    }


async def measure_job(
    settings: Settings, model: Any, clip: Path, options: VideoOptions
) -> dict[str, Any]:
    """Work on the video as a server does, without the upload."""
    engine = build_engine(settings, model)
    await engine.start()
    store = MemoryVideoStore(settings.video_retention_s)
    with _files(clip) as files:
        parts = WorkerParts(
            model=engine.model,
            engine=engine,
            store=store,
            files=files,
            open_video=decode_upload(settings),
            open_sound=partial(open_sound, limits=video_limits(settings)),
            max_tracks=settings.max_tracks,
            checkpoint_every=settings.checkpoint_frames,
        )
        size = clip.stat().st_size
        await store.create(VideoRecord(VIDEO, clip.name, options, size, time.time(), time.time()))
        with MemoryMeter() as meter:
            began_s, began_cpu_s = time.perf_counter(), _cpu_s()
            await VideoWorker(parts).work(VIDEO)
            seconds, cpu_s = time.perf_counter() - began_s, _cpu_s() - began_cpu_s
    await engine.stop()
    record = await store.get(VIDEO)
    assert record is not None
    if record.state is not VideoState.DONE:
        raise BenchError(f"The video failed: {record.reason}")
    return {"seconds": round(seconds, 3), "cpu_seconds": round(cpu_s, 3), **meter.report()}


def _cpu_s() -> float:
    """Return seconds of computing of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@contextmanager
def _files(clip: Path) -> Iterator[VideoFiles]:
    with tempfile.TemporaryDirectory(prefix="maskstream-bench-") as folder:
        files = VideoFiles(Path(folder), None, 0)
        files.create(VIDEO).symlink_to(clip.absolute())
        yield files
