"""A model that computes nothing, with a memory as large as a real one's (`port.Model`)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from maskstream_model.aliases import Frame, Size
from maskstream_model.errors import StateError
from maskstream_model.frame_by_frame import NO_OPTIONS, FrameByFrame
from maskstream_model.pixel_masks import PixelMasks, PixelTrack, Values, pixel_result
from maskstream_model.port import (
    ClassInfo,
    Crops,
    FrameResult,
    ModelInfo,
    Rows,
    SessionOptions,
    TrackStatus,
)
from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.models import Models

WINDOW: Final = 9
SLOT_BYTES: Final = 1024
"""Slots in each track's ring, of which a frame replaces one."""
TRACK_BYTES: Final = 2152
"""Floats of each track that every frame changes: queries, positions, scores of 25 classes."""


_INFO: Final = ModelInfo(
    name="stand-in",
    family="stand-in",
    task="instances",
    classes=(ClassInfo("oval", "#ffcc00"),),
    fingerprint="57a4d14",
)


@dataclass(frozen=True)
class Memory:
    """Memory of a session: its parts are a function of the number of frames."""

    num_frames: int = 0


@dataclass(frozen=True)
class StandIn(FrameByFrame[Memory]):
    """Remembers `tracks` tracks from the first frame on and shows the first `shown` of them.

    Attributes:
        tracks: their number.
        shown: number of tracks with masks, which are made once for each size.
        step_s: duration of a step.
    """

    tracks: int
    shown: int = 0
    step_s: float = 0.0
    info = _INFO

    def models(self, settings: Settings) -> Models:
        """Return a factory of this model for any settings (`servers.MakeModels`)."""
        return Models(self)

    def first_state(self) -> Memory:
        """Return a memory whose rings are full."""
        return Memory()

    def follow(
        self, frame: Frame, state: Memory, options: SessionOptions
    ) -> tuple[FrameResult, Memory]:
        """See `FrameByFrame`."""
        time.sleep(self.step_s)
        number, shown = state.num_frames + 1, self.shown
        if options.max_tracks is not None:
            shown = min(shown, options.max_tracks)
        status = TrackStatus.EMERGED if number == 1 else TrackStatus.TRACKED
        tracks = [PixelTrack(each, 0, 0.9, status, number) for each in range(1, shown + 1)]
        refused = self.shown - shown if number == 1 else 0
        result = pixel_result(number, (1, 1), tracks, refused)
        size = frame.shape[0], frame.shape[1]
        return replace(result, size=size, masks=Ovals(self.shown)), Memory(number)

    def to_parts(self, state: Memory) -> dict[str, bytes]:
        """See `port.Model`."""
        parts = {
            "frames": str(state.num_frames).encode(),
            "tracks": _noise(0, state.num_frames, self.tracks * TRACK_BYTES),
        }
        for slot in range(WINDOW):
            filled_at = state.num_frames + WINDOW - (state.num_frames - slot) % WINDOW
            ring = _noise(1, filled_at, self.tracks * SLOT_BYTES)
            for track in range(self.tracks):
                cut = slice(track * SLOT_BYTES, (track + 1) * SLOT_BYTES)
                parts[f"ring/{track}/{slot}"] = ring[cut]
        return parts

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS
    ) -> Memory:
        """See `port.Model`."""
        try:
            state = Memory(int(parts["frames"]))
        except (KeyError, ValueError) as error:
            raise StateError("the part frames is missing or damaged") from error
        if state.num_frames < 0 or self.to_parts(state) != dict(parts):
            raise StateError("the parts are not those of this stand-in")
        return state


@dataclass(frozen=True)
class Ovals:
    """Masks that are made in advance; implements `port.Masks`."""

    num: int

    def crops(self, rows: Rows, size: Size, with_logits: bool = False) -> Crops:
        """Return some of the masks that were made for this size."""
        made = _all_crops(self.num, size)
        assert made.logits is not None
        return Crops(
            size,
            made.boxes[rows],
            made.areas[rows],
            tuple(made.bitmaps[row] for row in rows),
            tuple(made.logits[row] for row in rows) if with_logits else None,
        )


def ovals(num: int, size: Size) -> Values:
    """Return `(num, height, width)`, above 0 inside wavy ovals that overlap a little."""
    height, width = size
    down, across = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    places = np.linspace(0.15, 0.85, num)[:, None, None]
    distance = ((down - places) / 0.22) ** 2 + ((across - places) / 0.14) ** 2
    values = 8.0 * (1 - distance) + 2.0 * np.sin(40 * across + places)
    return values.astype(np.float32)


@lru_cache(maxsize=4)
def _all_crops(num: int, size: Size) -> Crops:
    return PixelMasks(ovals(num, size)).crops(np.arange(num), size, with_logits=True)


def _noise(stream: int, frame: int, num_bytes: int) -> bytes:
    """Return incompressible bytes, different for each frame."""
    return np.random.default_rng((stream, frame)).bytes(num_bytes)
