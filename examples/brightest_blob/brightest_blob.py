"""The brightest blob of a picture, with a lasting identity: a family of models for Maskstream."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from maskstream_model.aliases import Frame
from maskstream_model.errors import ConfigError
from maskstream_model.families import Family, Weights
from maskstream_model.pixel_masks import PixelTrack, pixel_result
from maskstream_model.port import ClassInfo, FrameResult, ModelInfo, SessionOptions, TrackStatus
from maskstream_model.small_memory import SmallMemory


@dataclass(frozen=True)
class Memory:
    """What a session remembers: frames, the last id, its first frame (0: it ended), its middle."""

    num_frames: int = 0
    track_id: int = 0
    birth: int = 0
    row: int = 0
    column: int = 0


class BrightestBlob(SmallMemory[Memory]):
    """A blob is the same track as the one before where it covers the middle of that one."""

    memory = Memory
    info = ModelInfo(
        name="brightest-blob",
        family="brightest-blob",
        task="instances",
        classes=(ClassInfo("blob", "#ffcc00"),),
        fingerprint="b10b0002",
    )

    def follow(
        self, frame: Frame, state: Memory, options: SessionOptions
    ) -> tuple[FrameResult, Memory]:
        """List the track that ends here, and the one that is there."""
        number, tracks = state.num_frames + 1, list[PixelTrack]()
        track_id, birth = state.track_id, state.birth
        blob = brightest(frame)
        if birth and not blob[state.row : state.row + 1, state.column : state.column + 1].any():
            age, birth = number - birth + 1, 0
            tracks.append(PixelTrack(track_id, 0, 0.0, TrackStatus.DISAPPEARED, age))
        if not blob.any():
            return pixel_result(number, blob.shape, tracks), Memory(number, track_id)
        status = TrackStatus.TRACKED if birth else TrackStatus.EMERGED
        if not birth:
            track_id, birth = track_id + 1, number
        score, values = float(frame[blob].max()) / 255, blob - np.float32(0.5)
        tracks.append(PixelTrack(track_id, 0, score, status, number - birth + 1, values))
        middle = map(int, ndimage.center_of_mass(blob))
        return pixel_result(number, blob.shape, tracks), Memory(number, track_id, birth, *middle)


def brightest(frame: Frame) -> np.ndarray:
    """Return `(height, width)` bool: the blob around the brightest pixel; empty in the dark."""
    brightness = frame.max(2)
    blobs, _ = ndimage.label(brightness > 127)
    return (blobs > 0) & (blobs == blobs.flat[brightness.argmax()])


def load(preset: str, weights: Weights | None = None, device: str = "cpu") -> BrightestBlob:
    """Return the model; it has no weights and runs on the CPU."""
    if weights is not None:
        raise ConfigError("brightest-blob has no weights")
    return BrightestBlob()


FAMILY = Family("brightest-blob", load)
