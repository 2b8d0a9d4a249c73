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
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from maskstream_model.aliases import Frame
from maskstream_model.port import Model, SessionOptions, StepInput
from maskstream_server.bench.memory import MemoryMeter
from maskstream_server.bench.report import size_text, tell
from maskstream_server.config.settings import Settings
from maskstream_server.engine.step import Stepper
from maskstream_server.engine.threads import choose_threads
from maskstream_server.errors import MaskstreamServerError
from maskstream_server.jobs.processing.worker import JobWorker
from maskstream_server.jobs.processing.worker_parts import WorkerParts
from maskstream_server.jobs.records.memory_store import MemoryVideoStore
from maskstream_server.jobs.records.options import VideoOptions
from maskstream_server.jobs.records.record import VideoRecord, VideoState
from maskstream_server.jobs.storage.files import VideoFiles
from maskstream_server.lifecycle.assembly import build_engine, engine_threads
from maskstream_server.lifecycle.models import load
from maskstream_server.lifecycle.videos import decode_upload, video_limits
from maskstream_server.media.soundtrack import open_sound

VIDEO: Final = "bench"
WARM_UP_STEPS: Final = 3
CLIPS_AT_REST: Final = 8


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
    model = load(settings).live
    height, width = _size(settings, clip)
    report: dict[str, Any] = {"model": model.info.name, "size": size_text(height, width)}
    in_clips = model.clip_frames(height, width, settings.max_batch)
    for name, at_once in (("model_alone", 1), ("model_alone_in_clips", in_clips)):
        report[name] = measure_alone(settings, model, clip, at_once)
    for run in RUNS:
        measured = asyncio.run(measure_job(settings, model, clip, run.options))
        for name in ("", "_in_clips"):
            alone_s = report[f"model_alone{name}"]["seconds"]
            measured[f"ratio{name}"] = round(measured["seconds"] / alone_s, 3)
        report[run.name] = measured
    tell(report, out)


def _size(settings: Settings, clip: Path) -> tuple[int, int]:
    with closing(decode_upload(settings)(clip, skip=0, stride=1)) as video:
        return video.info.height, video.info.width


def measure_alone(
    settings: Settings, model: Model[Any], clip: Path, at_once: int
) -> dict[str, Any]:
    """Step the frames in a thread of its own, as the engine does; only the steps are counted."""
    with ThreadPoolExecutor(1, "alone") as thread:
        return thread.submit(_alone, settings, model, clip, at_once).result()


def _alone(settings: Settings, model: Model[Any], clip: Path, at_once: int) -> dict[str, Any]:
    stepper, options = Stepper(time.perf_counter), SessionOptions(max_tracks=settings.max_tracks)
    threads = choose_threads(engine_threads(settings), lambda: stepper.probe(model)[0])
    state, seconds, cpu_s, num_frames = model.begin(options), 0.0, 0.0, 0
    with closing(decode_upload(settings)(clip, skip=0, stride=1)) as video:
        frames = (frame.pixels for frame in video)
        first = list(islice(frames, at_once))
        for _ in range(WARM_UP_STEPS):
            model.step([StepInput(first, state, options)])
        in_clips = _clips(chain(first, frames), at_once)
        # Several at a time, so that the decoder is at rest while they are stepped.
        while clips := list(islice(in_clips, CLIPS_AT_REST)):
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            for some in clips:
                (output,) = model.step([StepInput(some, state, options)])
                state = output.state
            seconds += time.perf_counter() - began_s
            cpu_s += time.process_time() - began_cpu_s
            num_frames += sum(map(len, clips))
    times = {"seconds": round(seconds, 3), "cpu_seconds": round(cpu_s, 3)}
    return {"threads": threads, "at_once": at_once, "frames": num_frames, **times}


def _clips(frames: Iterator[Frame], at_once: int) -> Iterator[list[Frame]]:
    """Yield so many frames at a time."""
    while some := list(islice(frames, at_once)):
        yield some


async def measure_job(
    settings: Settings, model: Model[Any], clip: Path, options: VideoOptions
) -> dict[str, Any]:
    """Work on the video as a server does, without the upload."""
    engine = build_engine(settings, model)
    await engine.start()
    store = MemoryVideoStore(settings.video_retention_s)
    with _files(clip) as files:
        parts = WorkerParts(
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
            await JobWorker(parts).work(VIDEO)
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
