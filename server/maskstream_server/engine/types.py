"""The nouns of the engine: requests, results, limits and errors; no thread and no queue.

EngineError(Exception)
├── EngineFullError     the queue is at its bound
├── EngineStoppedError  the engine takes no frames: not started, stopping or stopped
└── StepFailedError     the model failed on this frame; the session's state is as it was
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from maskstream_model.interface import Frame
from maskstream_server.errors import MaskstreamServerError

State = TypeVar("State")
CLIP_FRAMES: Final = 5
"""Of a whole video, most frames that step together: beyond it little is won."""
CPU_CLIP_PIXELS: Final = 1 << 18
"""Most pixels of frames that step together there: larger frames keep it busy (decision 0023)."""
GPU_CLIP_PIXELS: Final = 1 << 21
USUAL_SIZE: Final = (360, 640)
"""Height and width of the frames that a model is warmed up and measured with."""


class EngineError(MaskstreamServerError):
    """Root of the engine's errors."""


class EngineFullError(EngineError):
    """More frames wait than the engine's queue may hold."""


class EngineStoppedError(EngineError):
    """The engine takes no frames now."""


class StepFailedError(EngineError):
    """The model raised on this frame, also when it was alone; the cause is chained."""


@dataclass(frozen=True)
class EngineLimits:
    """How the engine runs.

    Attributes:
        max_batch: frames of different sessions in one step; 1 where `deterministic`.
        max_waiting: frames in the queue; one more is `EngineFullError`.
        window_s: how long the oldest frame waits for company when the batch is not full.
        deterministic: batches of one, so that results are equal bit by bit from run to run.
        num_threads: torch's threads for the engine's thread; None: as many as pay (`threads.py`).
        warm_up_sizes: (height, width) of frames that are stepped before the engine is ready.
        warm_up_batches: sizes of the batches of these.
        clip_pixels: of the frames of a whole video that step together, in the network; live frames
            wait for a part of such a step.
        switch_s: how long another thread may keep the interpreter from the one of the engine,
            which lets go of it with every operation (decisions/0023).
    """

    max_batch: int = 8
    max_waiting: int = 256
    window_s: float = 0.002
    deterministic: bool = False
    num_threads: int | None = None
    warm_up_sizes: tuple[tuple[int, int], ...] = (USUAL_SIZE,)
    warm_up_batches: tuple[int, ...] = (1,)
    clip_pixels: int = CPU_CLIP_PIXELS
    switch_s: float = 0.0005

    @property
    def batch(self) -> int:
        """Frames that a batch may hold."""
        return 1 if self.deterministic else self.max_batch

    def clip(self, pixels: int) -> int:
        """Return how many frames of a whole video step together, of so many pixels each."""
        return max(1, min(self.batch, CLIP_FRAMES, self.clip_pixels // pixels))


@dataclass(frozen=True)
class EngineRequest(Generic[State]):
    """One decoded frame of one session; at most one of a session is in flight.

    Attributes:
        session: its name.
        frame: uint8 `(height, width, 3)` RGB, upright.
        state: the tracker's memory before this frame; None for a new epoch.
        mentioned: track ids that the client knows and that have not disappeared.
        min_score: score from which a track is first mentioned.
        mask_scale: 1, 0.5 or 0.25 of the upright frame; None computes no masks.
        with_logits: also hand out the logits of each crop (label maps need them).
        max_tracks: the model's bound on tracks, None for none.
        snapshot: also hand out the new state as bytes, for a commit.
    """

    session: str
    frame: Frame
    state: State | None
    mentioned: frozenset[int] = frozenset()
    min_score: float = 0.0
    mask_scale: float | None = 1.0
    with_logits: bool = False
    max_tracks: int | None = None
    snapshot: bool = True


@dataclass(frozen=True)
class MaskCrops:
    """Masks of `n` objects, each cropped to its tight box.

    Attributes:
        size: (height, width) in mask pixels: the upright frame's times `mask_scale`, rounded up.
        boxes: `(n, 4)` int32 x0, y0, x1, y1 in mask pixels, half open; zeros without a mask.
        areas: `(n,)` int64 mask pixels.
        crops: n arrays bool `(y1 - y0, x1 - x0)`; of size 0 without a mask.
        logits: n arrays float32 of the same shapes, or None where not asked for.
    """

    size: tuple[int, int]
    boxes: npt.NDArray[np.int32]
    areas: npt.NDArray[np.int64]
    crops: tuple[npt.NDArray[np.bool_], ...]
    logits: tuple[npt.NDArray[np.float32], ...] | None = None


@dataclass(frozen=True)
class EngineResult(Generic[State]):
    """What one frame gave, ready for encoding.

    Only tracks that the client is told of are listed (protocol.md section 3): `n` rows.

    Attributes:
        track_ids: `(n,)` int64.
        labels: `(n,)` int64 class indices.
        scores: `(n,)` float32, 0 to 1.
        status: `(n,)` int64 as on the wire: 0 on the frame of the first mention.
        ages: `(n,)` int64 frames since birth, 1 at birth.
        masks: crops and boxes; None where the request wanted no masks.
        mentioned: the request's `mentioned` after this frame.
        state: the tracker's memory after this frame.
        snapshot: `state` as bytes where asked for.
        num_tracks: living tracks in the memory, mentioned or not.
        num_refused: newcomers that `max_tracks` kept out.
        waiting_s: from `submit` to the start of its batch.
        inference_s: the model's step, the batch's whole time for each of its frames.
        postprocess_s: masks, boxes and snapshot of this frame.
        batch_size: frames in its batch.
    """

    track_ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    status: npt.NDArray[np.int64]
    ages: npt.NDArray[np.int64]
    masks: MaskCrops | None
    mentioned: frozenset[int]
    state: State
    snapshot: bytes | None
    num_tracks: int
    num_refused: int
    waiting_s: float
    inference_s: float
    postprocess_s: float
    batch_size: int


class EngineObserver(Protocol):
    """What the engine tells of itself; called on its thread, must return at once."""

    def batch_done(self, size: int, inference_s: float, waiting_s: Sequence[float]) -> None:
        """Tell that a batch of `size` frames was stepped, and how long each had waited."""
        ...

    def step_failed(self, error: Exception) -> None:
        """Tell that the model raised on one frame, alone."""
        ...
