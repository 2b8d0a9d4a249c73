"""`maskstream worker` as a process of its own with the tiny model, to be killed.

python video_worker.py REDIS_URL DATA_FOLDER STEP_S [MODE] [DEADLY_FRAME]

Each frame takes the model `STEP_S` longer, so that a kill can meet it; a video that reaches
`DEADLY_FRAME` kills the process.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.server import bind
from maskstream_server.lifecycle.videos import decode_upload
from maskstream_server.lifecycle.worker import work_forever
from maskstream_server.telemetry.log import set_up_logging


def main(url: str, folder: str, step_s: str, mode: str = "online", deadly: str = "") -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from support.models import models_of
    from support.tiny import tiny_model, tiny_offline_model

    set_up_logging("json", "info")
    settings = Settings(store=url, data_folder=Path(folder), threads=1, checkpoint_frames=4)
    model: Any = tiny_offline_model() if mode == "offline" else tiny_model()
    step = model.step

    def slow_step(batch: Any, *args: Any) -> Any:
        time.sleep(float(step_s) * sum(len(given.frames) for given in batch))
        return step(batch, *args)

    model.step = slow_step
    decode = decode_upload(settings)

    def deadly_decode(path: Path, **how: int) -> Any:
        video = decode(path, **how)
        return Deadly(video, int(deadly)) if deadly else video

    port = settings.metrics_port
    watched = None if port is None else bind(settings.host, port)
    work_forever(
        settings, models_of(model), lambda: print("ready", flush=True), deadly_decode, watched
    )


class Deadly:
    """A video that kills whoever reads on from a frame."""

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


if __name__ == "__main__":
    main(*sys.argv[1:])
