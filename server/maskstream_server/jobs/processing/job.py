"""A whole video that a worker has claimed, and what is done to it however long a store is away."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from maskstream_exports.video_results import ResultClass, VideoResults
from maskstream_model.classes import color_of
from maskstream_model.port import ClassInfo, Model, Prompt, SessionOptions
from maskstream_server.engine.engine import Engine
from maskstream_server.errors import JobFailedError, StoreUnreachableError
from maskstream_server.events.rules import EventRules
from maskstream_server.jobs.artifacts.feed import Feed
from maskstream_server.jobs.artifacts.material import Material
from maskstream_server.jobs.intake.fetching import Fetcher
from maskstream_server.jobs.processing.tracking import Tracking
from maskstream_server.jobs.records.record import VideoRecord
from maskstream_server.jobs.records.store import Memory, VideoStore, change
from maskstream_server.jobs.storage.files import SOURCE, VideoFiles
from maskstream_server.media.decoder import DecodedVideo, OpenVideo
from maskstream_server.media.messages import SourceInfo
from maskstream_server.media.soundtrack import OpenSound
from maskstream_server.session.reporting import ResultOptions

AWAY_PAUSE_S = 0.5


@dataclass(frozen=True)
class WorkerParts:
    """Dependencies of a worker.

    Attributes:
        engine: shared with live sessions, which have priority.
        refining: refines whole videos; None where there is no refiner.
        max_tracks: bound on tracks, as for live sessions.
        checkpoint_every: frames from one checkpoint to the next.
        fetcher: downloads files that were submitted by address.
    """

    engine: Engine[Any]
    store: VideoStore
    files: VideoFiles
    open_video: OpenVideo
    open_sound: OpenSound
    refining: Model[Any] | None = None
    max_tracks: int = 100
    checkpoint_every: int = 10
    now_s: Callable[[], float] = time.time
    fetcher: Fetcher | None = None


class VideoJob:
    """A claimed video: its record, its files, and what they ask of the model.

    Attributes:
        record: as it was written last.
        fence: sent with writes, so that only this worker changes the record.
        folder: where its files are while it is worked on.
    """

    def __init__(self, parts: WorkerParts, record: VideoRecord) -> None:
        self.parts = parts
        self.record = record
        self.fence = record.fence
        self.folder = parts.files.workplace(record)

    async def write(
        self, transition: Callable[[VideoRecord], VideoRecord], memory: Memory | None = None
    ) -> None:
        """Change the record, however long the store is away.

        Raises:
            FencedOutError: the video is another's now, or cancelled.
        """
        while True:
            try:
                self.record = await change(self.parts.store, self.record.id, transition, memory)
                return
            except StoreUnreachableError as error:
                await _pause(error)

    async def outlast(self, work: Callable[[], None]) -> None:
        """Do blocking work on files, however long their storage is away."""
        while True:
            try:
                return await asyncio.to_thread(work)
            except StoreUnreachableError as error:
                await _pause(error)

    def tracking(self) -> Tracking:
        """Return what makes lines of its frames, from the first one on.

        Raises:
            JobFailedError: this server's model cannot do what is wanted.
        """
        options, model = self.record.options, self._model
        scale = options.mask_scale
        try:
            wanted = ResultOptions.of(
                model.info, options.min_score, options.classes, mask_scale=scale
            )
            rules = EventRules.of(options.rules, model.info, options.classes)
        except ValueError as error:
            raise JobFailedError(str(error)) from error
        return Tracking(
            self.parts.engine,
            model,
            f"video {self.record.id}",
            wanted,
            SessionOptions(_prompts(options.prompts), self.parts.max_tracks),
            self._classes,
            self.parts.checkpoint_every,
            rules,
        )

    @property
    def _model(self) -> Model[Any]:
        """What steps the frames, as the mode says."""
        if self.record.options.mode == "online":
            return self.parts.engine.model
        if self.parts.refining is None:
            name = self.parts.engine.model.info.name
            raise JobFailedError(f"The model {name!r} has no refiner.")
        return self.parts.refining

    @property
    def _classes(self) -> Sequence[ClassInfo]:
        """The prompts as classes; without prompts the model's own classes."""
        if self.record.options.prompts is None:
            return self.parts.engine.model.info.classes or ()
        return tuple(
            ClassInfo(prompt.text, color_of(prompt.class_id))
            for prompt in _prompts(self.record.options.prompts)
        )

    def open_video(self, skip: int = 0) -> DecodedVideo:
        """Return the frames that are looked at, without the first `skip` of them."""
        stride = self.record.options.frame_stride
        return self.parts.open_video(self.source, skip=skip * stride, stride=stride)

    def looked_at(self, num_frames: int | None) -> int | None:
        """Return how many of so many frames are looked at."""
        return None if num_frames is None else -(-num_frames // self.record.options.frame_stride)

    def frame_rate(self, info: SourceInfo) -> float:
        """Return how many frames are looked at in a second."""
        return float(info.rate / self.record.options.frame_stride)

    def material(self, feed: Feed) -> Material:
        """Return what its files are made of."""
        return Material(
            results=partial(self._results, feed),
            lines=feed,
            options=self.record.options,
            show_min=self._show_min,
            open_video=self.open_video,
            open_sound=partial(self.parts.open_sound, self.source),
        )

    def _results(self, feed: Feed) -> VideoResults:
        """Return its results; waits until something is known of its frames."""
        record = feed.first()
        rate, height, width = record.frame_rate, record.height, record.width
        if rate is None or height is None or width is None:
            # The lines are of an earlier version, which kept none of these.
            with closing(self.open_video()) as video:
                info = video.info
            rate, height, width = self.frame_rate(info), info.height, info.width
        return VideoResults(
            lines=feed,
            name=record.name,
            size=(height, width),
            frame_rate=rate,
            classes=[ResultClass(each.name, each.thing) for each in self._classes],
            show_min=self._show_min,
            mask_scale=record.options.mask_scale,
        )

    @property
    def _show_min(self) -> float:
        """Score from which a track is shown."""
        wanted = self.record.options.show_min
        return self.parts.engine.model.info.show_score_min if wanted is None else wanted

    @property
    def source(self) -> Path:
        """The file that was handed in."""
        return self.folder / SOURCE

    def now_s(self) -> float:
        """Return Unix time."""
        return self.parts.now_s()


def _prompts(texts: Sequence[str] | None) -> tuple[Prompt, ...]:
    return tuple(Prompt(text, class_id) for class_id, text in enumerate(texts or ()))


async def _pause(error: StoreUnreachableError) -> None:
    structlog.get_logger(__name__).warning("store_away", reason=str(error))
    await asyncio.sleep(AWAY_PAUSE_S)
