"""`maskstream worker` for a process of its own with the tiny model, to be killed."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.server import bind
from maskstream_server.lifecycle.videos import decode_upload
from maskstream_server.lifecycle.worker import work_forever
from maskstream_server.telemetry.log import set_up_logging
from support.models import models_of
from support.tiny import tiny_model, tiny_offline_model


def work(
    url: str, folder: Path, step_s: float, mode: str = "online", deadly: int | None = None
) -> None:
    """Take videos from a queue until a signal ends it; says "ready" before.

    Args:
        url: of the store.
        folder: of the videos.
        step_s: how much longer the model takes for a frame, so that a kill can meet it.
        mode: "online" or "offline".
        deadly: a video that reaches this frame kills the process.
    """
    set_up_logging("json", "info")
    settings = Settings(store=url, data_folder=folder, threads=1, checkpoint_frames=4)
    model: Any = tiny_offline_model() if mode == "offline" else tiny_model()
    step = model.step

    def slow_step(batch: Any, *args: Any) -> Any:
        time.sleep(step_s * sum(len(given.frames) for given in batch))
        return step(batch, *args)

    model.step = slow_step
    decode = decode_upload(settings)

    def deadly_decode(path: Path, **how: int) -> Any:
        video = decode(path, **how)
        return video if deadly is None else Deadly(video, deadly)

    port = settings.metrics_port
    watched = None if port is None else bind(settings.host, port)
    work_forever(
        settings, models_of(model), lambda: print("ready", flush=True), deadly_decode, watched
    )


class Deadly:
    """A video that kills the process that reads on from a frame."""

    def __init__(self, video: Any, frame: int) -> None:
        self._video, self._frame = video, frame

    def __iter__(self) -> Iterator[Any]:
        for frame in self._video:
            if frame.index == self._frame:
                time.sleep(1.0)  # until the frames before are counted
                os.kill(os.getpid(), signal.SIGKILL)
            yield frame

    def __getattr__(self, name: str) -> Any:
        return getattr(self._video, name)
