"""Which tracks of a frame are reported, and their masks (docs/protocol.md 3). Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Pause, Size
from maskstream_model.port import (
    Crops,
    FrameResult,
    Model,
    ModelInfo,
    Rows,
    StepOutput,
    TrackStatus,
    TrackTable,
)
from maskstream_protocol.masks import mask_size
from maskstream_server.session.result_check import (
    check_committed,
    check_crops,
    check_parts,
    check_result,
)


@dataclass(frozen=True)
class ResultOptions:
    """Options of a client, or of a whole video, for results.

    Attributes:
        min_score: score from which a track is first mentioned, 0 to 1.
        mask_scale: 1, 0.5 or 0.25 of the upright frame; None: no masks.
        with_logits: also the logits of each crop (label maps need them).
        classes: labels that are mentioned; None: all.
        provisional: also results that are not final.
        tracks_classes: the rows are the classes of a semantic picture: those that have a pixel are
            mentioned, always as tracked.
    """

    min_score: float = 0.0
    mask_scale: float | None = 1.0
    with_logits: bool = False
    classes: frozenset[int] | None = None
    provisional: bool = False
    tracks_classes: bool = False

    @classmethod
    def of(
        cls,
        info: ModelInfo,
        min_score: float | None,
        classes: Sequence[str] | None,
        **others: Any,
    ) -> Self:
        """Return the options for a model; a score of None is the model's own.

        Raises:
            ValueError: the model has no such class.
        """
        return cls(
            min_score=info.report_score_min if min_score is None else min_score,
            classes=labels_of(info, classes),
            tracks_classes=info.task == "semantic",
            **others,
        )


def labels_of(info: ModelInfo, names: Sequence[str] | None) -> frozenset[int] | None:
    """Return the labels of classes; None: all.

    Raises:
        ValueError: the model has no class of one of the names.
    """
    if names is None:
        return None
    known = [each.name for each in info.classes or ()]
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = ", ".join(known) or "none, its prompts are its classes"
        raise ValueError(f"There is no class {unknown[0]!r}; the classes are: {listed}.")
    return frozenset(label for label, name in enumerate(known) if name in names)


@dataclass(frozen=True)
class ReportedFrame:
    """Reported tracks of one frame.

    Attributes:
        index: number of the frame, as the model counts.
        final: False where the final result follows.
        size: (height, width) of the upright picture.
        tracks: the rows that are mentioned, with status as on the wire: 0 on a first mention.
        crops: masks of these rows; None where none are wanted.
        mentioned: tracks that are known after this frame and have not disappeared.
        num_tracks: living tracks, mentioned or not.
        num_refused: new tracks that `max_tracks` refused.
    """

    index: int
    final: bool
    size: Size
    tracks: TrackTable
    crops: Crops | None
    mentioned: frozenset[int]
    num_tracks: int
    num_refused: int

    @property
    def classes(self) -> dict[int, int]:
        """The class of each track in `mentioned` that the frame lists."""
        labels = zip(self.tracks.track_ids.tolist(), self.tracks.labels.tolist(), strict=True)
        return {track: label for track, label in labels if track in self.mentioned}


@dataclass(frozen=True)
class StepReport:
    """What a step gave.

    Attributes:
        frames: results in the order of their frames: none, one or several.
        state: the model's, after the step.
        mentioned: of the last final result; without one, as before the step.
        committed: last frame that `parts` hold, as the model counts.
        parts: the state as named bytes; None where not due (`StepReporter.every`).
    """

    frames: tuple[ReportedFrame, ...]
    state: Any
    mentioned: frozenset[int]
    committed: int
    parts: Mapping[str, bytes] | None


@dataclass(frozen=True)
class StepReporter:
    """Makes the report of a step; for the thread that steps the model.

    Attributes:
        mentioned: tracks that are known before the step and have not disappeared.
        committed: last frame whose parts are held already.
        every: parts are made each time that so many more frames are committed.
        num_frames: frames that the model has had after the step; None where that is not known.
        answered: last frame that has its final result before the step.
    """

    model: Model[Any]
    wanted: ResultOptions
    mentioned: frozenset[int] = frozenset()
    committed: int = 0
    every: int = 1
    num_frames: int | None = None
    answered: int = 0

    def __call__(self, output: StepOutput[Any], pause: Pause) -> StepReport:
        """Report every result, and the parts where they have moved.

        Raises:
            ValueError: the model's result violates the port.
        """
        frames = tuple(self._frames(output, pause))
        finals = [frame for frame in frames if frame.final]
        committed = check_committed(self.model.committed(output.state), self.num_frames)
        moved = committed // self.every > self.committed // self.every
        return StepReport(
            frames=frames,
            state=output.state,
            mentioned=finals[-1].mentioned if finals else self.mentioned,
            committed=committed,
            parts=check_parts(self.model.to_parts(output.state)) if moved else None,
        )

    def _frames(self, output: StepOutput[Any], pause: Pause) -> Iterator[ReportedFrame]:
        mentioned, answered = self.mentioned, self.answered
        for result in output.results:
            check_result(result, self.model.info, self.num_frames, answered)
            answered = result.index if result.final else answered
            if not result.final and not self.wanted.provisional:
                continue
            frame = report_frame(result, mentioned, self.wanted)
            mentioned = frame.mentioned if frame.final else mentioned
            yield frame
            pause()


def report_frame(
    result: FrameResult, mentioned: frozenset[int], wanted: ResultOptions
) -> ReportedFrame:
    """Choose the rows of a frame and make their masks."""
    tracks = result.tracks
    if wanted.tracks_classes:
        shown, crops = _classes_there(result, wanted)
        mentioned = frozenset()
    else:
        rows, status, mentioned = mention(tracks, mentioned, wanted.min_score, wanted.classes)
        shown = replace(select(tracks, rows), status=status)
        crops = _crops(result, rows, wanted)
    return ReportedFrame(
        index=result.index,
        final=result.final,
        size=result.size,
        tracks=shown,
        crops=crops,
        mentioned=mentioned,
        num_tracks=int((tracks.status != TrackStatus.DISAPPEARED).sum()),
        num_refused=result.num_refused,
    )


def mention(
    tracks: TrackTable,
    mentioned: frozenset[int],
    min_score: float,
    classes: frozenset[int] | None = None,
) -> tuple[Rows, npt.NDArray[np.int64], frozenset[int]]:
    """Choose rows: what was mentioned before, and what is seen now with a good enough score.

    Args:
        tracks: all of a frame.
        mentioned: tracks that are known.
        min_score: score from which a track is first mentioned.
        classes: labels that are mentioned; None: all.

    Returns:
        The rows, `(n,)`; their status as on the wire, a first mention is always 0; and the tracks
        that are known after the frame and live.
    """
    ids, status = tracks.track_ids, tracks.status
    known = np.array([track in mentioned for track in ids.tolist()], bool)
    seen = (status == TrackStatus.EMERGED) | (status == TrackStatus.TRACKED)
    first = ~known & seen & tracks.mentionable & (tracks.scores >= min_score)
    if classes is not None:
        first &= np.isin(tracks.labels, list(classes))
    rows = np.flatnonzero(known | first)
    shown = np.where(first, int(TrackStatus.EMERGED), status)[rows]
    # A track that a frame does not list is known all the same, until it disappears.
    gone = ids[rows[shown == TrackStatus.DISAPPEARED]]
    return rows, shown, mentioned.union(ids[first].tolist()).difference(gone.tolist())


def select(tracks: TrackTable, rows: Rows) -> TrackTable:
    """Return some rows of a table, in that order."""
    return TrackTable(
        track_ids=tracks.track_ids[rows],
        labels=tracks.labels[rows],
        scores=tracks.scores[rows],
        status=tracks.status[rows],
        ages=tracks.ages[rows],
        things=tracks.things[rows],
        mentionable=tracks.mentionable[rows],
    )


def _crops(result: FrameResult, rows: Rows, wanted: ResultOptions) -> Crops | None:
    if wanted.mask_scale is None:
        return None
    size = mask_size(result.size, wanted.mask_scale)
    return check_crops(result.masks.crops(rows, size, wanted.with_logits), rows, size)


def _classes_there(result: FrameResult, wanted: ResultOptions) -> tuple[TrackTable, Crops | None]:
    """Return the classes that have a pixel at the size wanted; without masks, at full size."""
    labels = result.tracks.labels
    all_rows = np.arange(len(labels))
    wide = replace(wanted, mask_scale=wanted.mask_scale or 1.0)
    crops = _crops(result, all_rows, wide)
    assert crops is not None
    there = crops.areas > 0
    if wanted.classes is not None:
        there &= np.isin(labels, list(wanted.classes))
    rows = np.flatnonzero(there)
    shown = select(result.tracks, rows)
    return shown, None if wanted.mask_scale is None else _select_crops(crops, rows)


def _select_crops(crops: Crops, rows: Rows) -> Crops:
    logits = crops.logits
    return replace(
        crops,
        boxes=crops.boxes[rows],
        areas=crops.areas[rows],
        bitmaps=tuple(crops.bitmaps[row] for row in rows),
        logits=None if logits is None else tuple(logits[row] for row in rows),
    )
