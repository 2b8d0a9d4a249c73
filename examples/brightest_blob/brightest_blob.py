"""The brightest blob of a picture, with a lasting identity: a family of models for Maskstream."""

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np
from scipy import ndimage

from maskstream_model.aliases import Frame
from maskstream_model.errors import ConfigError, StateError
from maskstream_model.families import Family, Weights
from maskstream_model.frame_by_frame import NO_OPTIONS, FrameByFrame
from maskstream_model.pixel_masks import PixelTrack, Values, pixel_result
from maskstream_model.port import (
    ClassInfo,
    FrameResult,
    ModelInfo,
    SessionOptions,
    TrackStatus,
)


@dataclass(frozen=True)
class Memory:
    """What a session remembers: frames seen, the last blob, its first frame, its box or zeros."""

    num_frames: int = 0
    track_id: int = 0
    birth: int = 0
    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0


class BrightestBlob(FrameByFrame[Memory]):
    """A blob keeps its id while its box overlaps that of the frame before."""

    info = ModelInfo(
        name="brightest-blob",
        family="brightest-blob",
        task="instances",
        classes=(ClassInfo("blob", "#ffcc00"),),
        prompts="never",
        lookahead=0,
        report_score_min=0.5,
        show_score_min=0.0,
        input_rule={},
        backbone="none",
        precision="exact",
        fingerprint="b10b0001",
    )

    def first_state(self) -> Memory:
        """Nothing was seen."""
        return Memory()

    def follow(
        self, frame: Frame, state: Memory, options: SessionOptions
    ) -> tuple[FrameResult, Memory]:
        """The blob of the frame before ends where that of this frame does not touch it."""
        number, tracks = state.num_frames + 1, list[PixelTrack]()
        values, box = brightest(frame)
        after = Memory(number, state.track_id, state.birth, *box)
        if not overlap(state, after):
            if state.bottom:
                age = number - state.birth + 1
                tracks.append(PixelTrack(state.track_id, 0, 0.0, TrackStatus.DISAPPEARED, age))
            if after.bottom:
                after = Memory(number, state.track_id + 1, number, *box)
        if after.bottom:
            age = number - after.birth + 1
            status = TrackStatus.EMERGED if age == 1 else TrackStatus.TRACKED
            score = float(values.max()) / 255
            tracks.append(PixelTrack(after.track_id, 0, score, status, age, values))
        return pixel_result(number, frame.shape[:2], tracks), after

    def to_parts(self, state: Memory) -> dict[str, bytes]:
        """One part, since every frame changes it."""
        return {"memory": json.dumps([self.info.fingerprint, *astuple(state)]).encode()}

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS
    ) -> Memory:
        """Refuse what another model wrote, and damaged bytes."""
        try:
            fingerprint, *counts = json.loads(dict(parts).pop("memory"))
            state = Memory(*counts)
            usable = all(type(count) is int and count >= 0 for count in counts)
        except (KeyError, TypeError, ValueError) as error:
            raise StateError("the part memory is missing or damaged") from error
        if set(parts) != {"memory"} or fingerprint != self.info.fingerprint or not usable:
            raise StateError("the parts are not those of a session of brightest-blob")
        return state


def brightest(frame: Frame) -> tuple[Values, tuple[int, int, int, int]]:
    """Return values above 0 inside the brightest blob, and its box: top, left, bottom, right."""
    brightness = frame.max(2).astype(np.float32)
    blobs, count = ndimage.label(brightness > 127)
    if not count:
        return np.full_like(brightness, -1), (0, 0, 0, 0)
    best = 1 + int(np.argmax(ndimage.sum_labels(brightness, blobs, range(1, count + 1))))
    down, across = ndimage.find_objects(blobs)[best - 1]
    values = np.where(blobs == best, brightness, np.float32(-1))
    return values, (down.start, across.start, down.stop, across.stop)


def overlap(one: Memory, other: Memory) -> bool:
    """Return whether the boxes of two memories share a pixel."""
    down = min(one.bottom, other.bottom) > max(one.top, other.top)
    return down and min(one.right, other.right) > max(one.left, other.left)


def load(preset: str, weights: Weights | None = None, device: str = "cpu") -> BrightestBlob:
    """Return the model; it has no weights and runs on the CPU."""
    if weights is not None:
        raise ConfigError("brightest-blob has no weights")
    return BrightestBlob()


FAMILY = Family("brightest-blob", load)
