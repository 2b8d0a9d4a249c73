"""What the server needs of any model, in terms that no family owns.

A model is a function: frames and a state in, results and a new state out. Nothing about a video is
kept on the model, so that one model serves any number of sessions and videos. A frame of many
sessions, several frames of one, and a whole video are the same call.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Frame, Pause, Size

State = TypeVar("State")
StateInvariant = TypeVar("StateInvariant")
Task = Literal["instances", "panoptic", "semantic", "referring"]
PromptUse = Literal["never", "optional", "required"]
Rows = npt.NDArray[np.int64]
"""`(n,)` indices of rows of a `TrackTable`."""


class TrackStatus(IntEnum):
    """What happened to a track on a frame (the wire uses the same numbers)."""

    EMERGED = 0
    TRACKED = 1
    MISSED = 2
    DISAPPEARED = 3


@dataclass(frozen=True)
class ClassInfo:
    """A class of a model: its name, a colour `#rrggbb`, thing or stuff."""

    name: str
    color: str
    thing: bool = True


@dataclass(frozen=True)
class ModelInfo:
    """Facts of a loaded model.

    Attributes:
        name: preset.
        family: who computes it; a name in the registry of families.
        task: what its masks are.
        classes: None where the classes are the prompts.
        fingerprint: hex text that changes with weights, rules, and all that makes results differ.
        prompts: whether it takes texts that name what to segment.
        lookahead: further frames that a final result may wait for; 0: it answers at once. None: it
            may wait for all of a video, which no live session can do.
        report_score_min: score from which a track is mentioned, where the client names none.
        show_score_min: score from which a track is drawn, likewise.
        input_rule: how frames are resized for it, as fields of the answer of `/v1/models/{name}`.
        backbone: for people.
        backend: what computes its network; one of `backends.table.BACKENDS`.
        precision: of products and convolutions, for people.
        agreement: how far its results were from those of eager; see `backends.gate.agreement`.
    """

    name: str
    family: str
    task: Task
    classes: tuple[ClassInfo, ...] | None
    fingerprint: str
    prompts: PromptUse = "never"
    lookahead: int | None = 0
    report_score_min: float = 0.0
    show_score_min: float = 0.0
    input_rule: Mapping[str, int | None] = field(default_factory=dict)
    backbone: str = "none"
    backend: str = "eager"
    precision: str = "exact"
    agreement: Mapping[str, float | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class TrackTable:
    """The tracks of a frame: arrays on the CPU, one row per track. Row order means nothing.

    The one declaration from the model to the wire and to the lines of a whole video.

    Attributes:
        track_ids: `(n,)` int64, from 1, never given twice in a session.
        labels: `(n,)` int64 class indices.
        scores: `(n,)` float32, 0 to 1: of the track so far.
        status: `(n,)` int64, values of `TrackStatus`. A disappeared track is listed once.
        ages: `(n,)` int64 frames since birth, 1 on the frame of birth.
        things: `(n,)` bool: things, not stuff.
        mentionable: `(n,)` bool: whether a track that no result has listed yet may be listed now,
            as one that owns no pixel of a panoptic picture may not.
        class_scores: `(n, K)` float32, 0 to 1: of each class, of the track so far; at a track's
            last row that of all its frames, which evaluations count. None where a family has none.
    """

    track_ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    status: npt.NDArray[np.int64]
    ages: npt.NDArray[np.int64]
    things: npt.NDArray[np.bool_]
    mentionable: npt.NDArray[np.bool_]
    class_scores: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Crops:
    """Masks of `n` tracks, each cropped to its tight box.

    Attributes:
        size: (height, width) of the whole masks in pixels.
        boxes: `(n, 4)` int32 x0, y0, x1, y1 in mask pixels, half open; zeros without a mask.
        areas: `(n,)` int64 mask pixels.
        bitmaps: n arrays bool `(y1 - y0, x1 - x0)`; of size 0 without a mask.
        logits: n arrays float32 likewise; the larger is in front. None where not asked for.
    """

    size: Size
    boxes: npt.NDArray[np.int32]
    areas: npt.NDArray[np.int64]
    bitmaps: tuple[npt.NDArray[np.bool_], ...]
    logits: tuple[npt.NDArray[np.float32], ...] | None = None

    def whole(self) -> npt.NDArray[np.bool_]:
        """Return the whole masks, `(n, *size)` bool."""
        masks = np.zeros((len(self.bitmaps), *self.size), bool)
        for mask, (x0, y0, x1, y1), bitmap in zip(masks, self.boxes, self.bitmaps, strict=True):
            mask[y0:y1, x0:x1] = bitmap
        return masks


class Masks(Protocol):
    """The masks of a frame, not yet pixels; how they are kept is the family's business."""

    def crops(self, rows: Rows, size: Size, with_logits: bool = False) -> Crops:
        """Make the masks of some rows of the frame's table at `size`; on any thread, beside steps.

        Where pixels belong to one track only, those of `rows` compete for them: a track that is
        not listed leaves no hole.
        """


@dataclass(frozen=True)
class Prompt:
    """A text that names what to segment, and the class of what it finds.

    Attributes:
        text: 1 to 256 characters.
        class_id: label of its tracks. The caller numbers texts from 0; for a whole session a number
            belongs to one text.
    """

    text: str
    class_id: int


@dataclass(frozen=True)
class SessionOptions:
    """Options of a session or a video for the model.

    Attributes:
        prompts: what to segment, for models that take prompts.
        max_tracks: limit of tracks alive, None for none.
    """

    prompts: tuple[Prompt, ...] = ()
    max_tracks: int | None = None


@dataclass(frozen=True)
class StepInput(Generic[State]):
    """The next frames of one session.

    Attributes:
        frames: of one size, in order, at least one.
        state: before the first of them; left as it was.
        options: may differ from step to step.
        skipped: frames of the stream that were left out just before the first of these; `index` of
            a result does not count them.
    """

    frames: Sequence[Frame]
    state: State
    options: SessionOptions = SessionOptions()
    skipped: int = 0


@dataclass(frozen=True)
class FrameResult:
    """What is known of one frame.

    Attributes:
        index: number of the frame in its session, from 1, as the state counts them.
        size: (height, width) of the frame as it was given.
        tracks: its tracks.
        masks: theirs.
        final: False for a provisional result; the final one follows.
        num_refused: new tracks that `max_tracks` refused on this frame.
    """

    index: int
    size: Size
    tracks: TrackTable
    masks: Masks
    final: bool = True
    num_refused: int = 0


@dataclass(frozen=True)
class StepOutput(Generic[State]):
    """What a step gave a session: results in the order of their frames, and the state after it."""

    results: Sequence[FrameResult]
    state: State


class Model(Protocol[StateInvariant]):
    """A video segmenter with explicit memory (docs/adding-a-model.md)."""

    @property
    def info(self) -> ModelInfo:
        """Facts, known after loading."""

    def begin(self, options: SessionOptions = SessionOptions()) -> StateInvariant:
        """Return the state of a session before its first frame.

        Raises:
            PromptError: prompts are needed and missing, or not taken.
        """

    def batch_key(self, height: int, width: int) -> Hashable:
        """Return a key for frames of this size: equal keys may share a step."""

    def clip_frames(self, height: int, width: int, most: int) -> int:
        """Return how many frames of one session are worth a step together: 1 to `most`.

        A video is cut so from its beginning; a resumed one continues at such a cut.
        """

    def step(
        self, batch: Sequence[StepInput[StateInvariant]], pause: Pause | None = None
    ) -> list[StepOutput[StateInvariant]]:
        """Take the next frames of some sessions; one output for each, in order.

        Frames of several sessions have one `batch_key`. One session alone, frame by frame, gives
        the same bits from run to run.

        Args:
            batch: at least one.
            pause: called between the parts of a long step; the same thread may step others in it.

        Raises:
            FrameError: a frame is not uint8 `(height, width, 3)`.
        """

    def flush(
        self,
        state: StateInvariant,
        options: SessionOptions = SessionOptions(),
        pause: Pause | None = None,
    ) -> StepOutput[StateInvariant]:
        """Answer what is pending: no further frame comes, or not for long.

        Frames may follow nevertheless; `pause` is as in `step`.
        """

    def committed(self, state: StateInvariant) -> int:
        """Return the last frame whose final result is out and whose effect `to_parts` holds.

        After `from_parts` the frames that follow it are sent again. Final results that were out
        when the parts were made do not come again, even of frames after this one: windows that
        overlap decide some of the frames with which the next one begins.
        """

    def to_parts(self, state: StateInvariant) -> dict[str, bytes]:
        """Return the memory as of `committed`, as named parts; on any thread, beside other steps.

        They are cut so that what a frame leaves alone keeps its bytes under its name: the store
        writes those that have changed. Their bounds are in `memory_bounds`.
        """

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = SessionOptions()
    ) -> StateInvariant:
        """Read what `to_parts` wrote.

        Raises:
            StateError: a part is missing, damaged, too many, or another model's; or there are
                more tracks than `options` allow.
        """
