"""What the artifacts of a video are made of."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from maskstream_exports.video_results import Lines, VideoResults
from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.media.decoder import DecodedVideo
from maskstream_server.media.soundtrack import SoundPiece


@dataclass(frozen=True)
class Material:
    """Inputs of an artifact; opened and read in the thread that makes it.

    Attributes:
        results: of the video; blocks until its first lines are there.
        lines: the same lines, from the first moment on.
        show_min: score from which a track is shown.
    """

    results: Callable[[], VideoResults]
    lines: Lines
    options: JobOptions
    show_min: float
    open_video: Callable[[], DecodedVideo]
    open_sound: Callable[[], AbstractContextManager[Iterable[SoundPiece]]]
