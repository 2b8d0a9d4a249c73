"""What a worker works with."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from maskstream_model.port import Model
from maskstream_server.engine.engine import Engine
from maskstream_server.jobs.intake.fetching import Fetcher
from maskstream_server.jobs.records.store import VideoStore
from maskstream_server.jobs.storage.files import VideoFiles
from maskstream_server.media.ports import OpenSound, OpenVideo


@dataclass(frozen=True)
class WorkerParts:
    """What a worker works with.

    Attributes:
        engine: shared with live sessions, which go first.
        offline: refines whole videos; None where there is no refiner.
        max_tracks: bound on tracks, as for live sessions.
        checkpoint_every: frames from one checkpoint to the next.
        fetcher: brings files of which only the address was handed in.
    """

    engine: Engine[Any]
    store: VideoStore
    files: VideoFiles
    open_video: OpenVideo
    open_sound: OpenSound
    offline: Model[Any] | None = None
    max_tracks: int = 100
    checkpoint_every: int = 10
    now_s: Callable[[], float] = time.time
    fetcher: Fetcher | None = None
