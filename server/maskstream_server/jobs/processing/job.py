"""A whole video that a worker has claimed, and what is done to it however long a store is away."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from maskstream_model.classes import color_of
from maskstream_model.port import ClassInfo, Model, Prompt, SessionOptions
from maskstream_server.errors import JobFailedError, StoreUnreachableError
from maskstream_server.jobs.artifacts.feed import Feed
from maskstream_server.jobs.artifacts.material import Material
from maskstream_server.jobs.processing.tracking import Tracking
from maskstream_server.jobs.processing.worker_parts import WorkerParts
from maskstream_server.jobs.records.record import VideoRecord
from maskstream_server.jobs.records.store import Memory, change
from maskstream_server.jobs.storage.files import SOURCE
from maskstream_server.media.ports import DecodingVideo
from maskstream_server.session.reporting import ResultOptions

AWAY_PAUSE_S = 0.5


class VideoJob:
    """A claimed video: its record, its files, and what they ask of the model.

    Args:
        parts: what the worker works with.
        record: as claimed; its fence is the worker's.

    Attributes:
        record: as it was written last.
        fence: what writes carry, so that only this worker changes the record.
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
        own_min = model.info.report_score_min
        wanted = ResultOptions(
            min_score=own_min if options.min_score is None else options.min_score,
            mask_scale=options.mask_scale,
            classes=self._labels(model),
            tracks_classes=model.info.task == "semantic",
        )
        return Tracking(
            self.parts.engine,
            model,
            f"video {self.record.id}",
            wanted,
            SessionOptions(_prompts(options.prompts), self.parts.max_tracks),
            self._classes,
            self.parts.checkpoint_every,
        )

    @property
    def _model(self) -> Model[Any]:
        """What steps the frames, as the mode says."""
        if self.record.options.mode == "online":
            return self.parts.engine.model
        if self.parts.offline is None:
            name = self.parts.engine.model.info.name
            raise JobFailedError(f"The model {name!r} has no refiner.")
        return self.parts.offline

    @property
    def _classes(self) -> Sequence[ClassInfo]:
        """The model's own classes, or its prompts as classes."""
        own = self.parts.engine.model.info.classes
        if own is not None:
            return own
        return tuple(
            ClassInfo(prompt.text, color_of(prompt.class_id))
            for prompt in _prompts(self.record.options.prompts)
        )

    def _labels(self, model: Model[Any]) -> frozenset[int] | None:
        """Return the labels of the classes that are wanted; None: all."""
        wanted, known = self.record.options.classes, model.info.classes or ()
        if wanted is None:
            return None
        return frozenset(label for label, each in enumerate(known) if each.name in wanted)

    def open_video(self, skip: int = 0) -> DecodingVideo:
        """Return the frames that are looked at, without the first `skip` of them."""
        stride = self.record.options.frame_stride
        return self.parts.open_video(self.source, skip=skip * stride, stride=stride)

    def looked_at(self, num_frames: int | None) -> int | None:
        """Return how many of so many frames are looked at."""
        return None if num_frames is None else -(-num_frames // self.record.options.frame_stride)

    def material(self, feed: Feed) -> Material:
        """Return what its files are made of."""
        options, own_min = self.record.options, self.parts.engine.model.info.show_score_min
        return Material(
            name=self.record.name,
            lines=feed,
            classes=self._classes,
            options=options,
            show_min=own_min if options.show_min is None else options.show_min,
            open_video=self.open_video,
            open_sound=partial(self.parts.open_sound, self.source),
        )

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
