"""`maskstream bench video`: a server's work on a whole video, beside the model alone."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from maskstream_bench.command import subject, video_argument
from maskstream_bench.meter import ProcessMeter
from maskstream_bench.model import step_all
from maskstream_bench.pictures import first_frames
from maskstream_bench.report import Measured, Run, ratios
from maskstream_bench.servers import BenchServer, running_servers
from maskstream_client.sources import open_frames
from maskstream_client.videos import Videos
from maskstream_server.command_options import MODEL_OPTIONS, run_with_settings, setting_options
from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.models import load

JOBS: Final = {"ytvis": ("ytvis.json",), "ytvis_overlay": ("ytvis.json", "overlay.mp4")}
"""Artifacts by the name of a run."""


@subject
@video_argument(required=True)
@setting_options(*MODEL_OPTIONS)
def video(video: Path, **options: Any) -> Measured:
    """Measure a server's work on a whole video: seconds and memory, beside the model alone."""
    return run_with_settings(
        lambda settings: _measure(settings, video),
        {"log_level": "error", "store": "memory", "video_jobs": 1, **options},
    )


def _measure(settings: Settings, clip: Path) -> Measured:
    model = load(settings).live
    height, width = first_frames(clip, 1)[0].shape[:2]
    in_clips = model.clip_frames(height, width, settings.max_batch)
    runs = dict[str, Run]()
    for name, at_once in (("model_alone", 1), ("model_alone_in_clips", in_clips)):
        with closing(open_frames(clip)) as frames:
            runs[name] = step_all(settings, model, (frame.pixels for frame in frames), at_once)
    with running_servers([settings], load) as (server,):
        runs |= {name: _job(server, clip, artifacts) for name, artifacts in JOBS.items()}
    pairs = [(job, alone) for job in JOBS for alone in ("model_alone", "model_alone_in_clips")]
    return Measured(runs, ratios(runs, "seconds", *pairs))


def _job(server: BenchServer, clip: Path, artifacts: tuple[str, ...]) -> Run:
    """Upload a video; count from there to the end of its job."""
    videos = Videos(server.url)
    with ProcessMeter(server.pid) as meter:
        record = videos.submit(clip, artifacts=artifacts)
        began_s = time.perf_counter()
        videos.wait(record)
        seconds = time.perf_counter() - began_s
    videos.delete(record)
    return {"seconds": round(seconds, 3), "server": meter.report()}
