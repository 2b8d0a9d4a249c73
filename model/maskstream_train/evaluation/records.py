"""What is kept of a model's run over one annotated video: counts, scores and statuses, no masks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Bools, Floats, Ints
from maskstream_model.port import TrackStatus
from maskstream_train.evaluation.matching import DISAPPEARS, EMERGES, TubeOverlaps
from maskstream_train.evaluation.overlap import (
    FrameOverlaps,
    count_overlaps,
    mean_areas,
    tube_ious,
)

ABSENT = -1
"""Status of a track on frames that do not list it; the others are those of `TrackStatus`."""
MAX_ENTRIES = 20
"""Largest number of results per video, as in the reference (docs/model.md 3.6)."""
MIN_FRAMES = 5
"""A track of fewer frames that does not reach the last one is left out of results (same place)."""


@dataclass(frozen=True)
class TrackFrame:
    """What a model said about one frame, as plain arrays.

    Attributes:
        track_ids: `(N,)`.
        status: `(N,)` values of `TrackStatus`.
        scores: `(N,)` running scores, 0 to 1.
        class_scores: `(N, K)` of each class, of the track so far.
        masks: `(N, height, width)` at the size of the annotation.
    """

    track_ids: Ints
    status: Ints
    scores: Floats
    class_scores: Floats
    masks: Bools


@dataclass(frozen=True)
class EvaluatedVideo:
    """A whole video: `T` frames, `N` tracks ever, `G` true objects, `K` classes.

    Attributes:
        track_ids: `(N,)` in order of birth.
        status: `(T, N)` values of `TrackStatus`, `ABSENT` before birth and after death.
        running_scores: `(T, N)` score of the model on that frame.
        class_scores: `(N, K)` scores of the model where it last listed the track.
        areas: `(T, N)` pixels of the tracks.
        truth_areas: `(T, G)` visible pixels of the objects, 0 where absent.
        intersections: `(T, N, G)` shared pixels.
        truth_labels: `(G,)` classes.
        crowd: `(G,)` objects that stand for many.
        min_frames: a track of fewer frames that does not reach the last one is no result.
    """

    track_ids: Ints
    status: npt.NDArray[np.int8]
    running_scores: Floats
    class_scores: Floats
    areas: Ints
    truth_areas: Ints
    intersections: Ints
    truth_labels: Ints
    crowd: Bools
    min_frames: int = MIN_FRAMES

    @property
    def live(self) -> Bools:
        """`(T, N)`: frames on which a track claims to see its object (status 0 or 1)."""
        return np.asarray(
            (self.status == TrackStatus.EMERGED) | (self.status == TrackStatus.TRACKED)
        )

    @property
    def frame_ious(self) -> Floats:
        """`(T, N, G)`: IoU on each frame, 0 where both are empty."""
        shared = self.intersections.astype(np.float64)
        joint = self.areas[:, :, None] + self.truth_areas[:, None] - shared
        ious: Floats = np.divide(shared, joint, out=np.zeros_like(shared), where=joint > 0)
        return ious

    def shown(self, score_min: float) -> "EvaluatedVideo":
        """Return the record as a viewer sees it who hides tracks scored below `score_min`."""
        hidden = self.running_scores < score_min
        return replace(self, status=np.where(hidden, ABSENT, self.status).astype(np.int8))

    def tubes(self, agnostic: bool = False) -> TubeOverlaps:
        """Return tubes for average precision: the best `MAX_ENTRIES` pairs of track and class.

        A track's masks count on all frames it has them, missed ones too, as in the reference.

        Args:
            agnostic: one entry per track, scored by its best class; all labels are 0.
        """
        tracks, labels, scores = self.best_entries(agnostic)
        ious = tube_ious(self.areas, self.truth_areas, self.intersections)
        overlaps = TubeOverlaps(
            ious=ious[tracks],
            scores=scores,
            labels=labels,
            areas=mean_areas(self.areas)[tracks],
            truth_labels=self.truth_labels,
            truth_areas=mean_areas(self.truth_areas),
            crowd=self.crowd,
            events=_events(self.truth_areas > 0),
        )
        return overlaps.agnostic() if agnostic else overlaps

    def best_entries(self, agnostic: bool = False) -> tuple[Ints, Ints, Floats]:
        """Return rows of tracks, labels and scores `(M,)` of the best entries, best first."""
        stored = (self.status != ABSENT) & (self.status != TrackStatus.DISAPPEARED)
        kept = np.flatnonzero((stored.sum(axis=0) >= self.min_frames) | stored[-1:].any(axis=0))
        scores = self.class_scores[kept]
        if agnostic:
            scores = scores.max(axis=1, initial=0.0)[:, None]
        order = np.argsort(-scores.ravel(), kind="stable")[:MAX_ENTRIES]
        rows, labels = np.divmod(order, max(scores.shape[1], 1))
        return kept[rows], labels, scores.ravel()[order]


class VideoRecorder:
    """Takes the frames of one video one by one and keeps their counts.

    Args:
        truth_labels: `(G,)` classes of the true objects.
        crowd: `(G,)`; none where left out.
        min_frames: see `EvaluatedVideo`.
    """

    def __init__(
        self, truth_labels: Ints, crowd: Bools | None = None, min_frames: int = MIN_FRAMES
    ) -> None:
        self._min_frames = min_frames
        self._truth_labels = truth_labels
        self._crowd = np.zeros(len(truth_labels), dtype=bool) if crowd is None else crowd
        self._frames: list[tuple[TrackFrame, FrameOverlaps]] = []

    def add(self, frame: TrackFrame, truth: Bools) -> None:
        """Count one frame; `truth (G, height, width)` are its true masks."""
        counted = count_overlaps(frame.masks, truth)
        self._frames.append((replace(frame, masks=np.zeros((0, 0, 0), dtype=bool)), counted))

    def record(self) -> EvaluatedVideo:
        """Return everything counted so far."""
        ids = sorted({int(track) for frame, _ in self._frames for track in frame.track_ids})
        column = {track: index for index, track in enumerate(ids)}
        num_frames, num_tracks, num_truth = len(self._frames), len(ids), len(self._truth_labels)
        status = np.full((num_frames, num_tracks), ABSENT, dtype=np.int8)
        scores = np.zeros((num_frames, num_tracks))
        areas = np.zeros((num_frames, num_tracks), dtype=np.int64)
        truth_areas = np.zeros((num_frames, num_truth), dtype=np.int64)
        intersections = np.zeros((num_frames, num_tracks, num_truth), dtype=np.int64)
        for index, (frame, counted) in enumerate(self._frames):
            rows = [column[int(track)] for track in frame.track_ids]
            status[index, rows] = frame.status
            scores[index, rows] = frame.scores
            areas[index, rows] = counted.areas
            truth_areas[index] = counted.truth_areas
            intersections[index, rows] = counted.intersections
        return EvaluatedVideo(
            track_ids=np.array(ids, dtype=np.int64),
            status=status,
            running_scores=scores,
            class_scores=_class_scores([frame for frame, _ in self._frames], column),
            areas=areas,
            truth_areas=truth_areas,
            intersections=intersections,
            truth_labels=self._truth_labels,
            crowd=self._crowd,
            min_frames=self._min_frames,
        )


def _events(visible: Bools) -> Ints:
    """Return what the objects of `visible (T, G)` do, sums of `EMERGES` and `DISAPPEARS`."""
    return np.asarray(EMERGES * ~visible[0] + DISAPPEARS * ~visible[-1], dtype=np.int64)


def _class_scores(frames: Sequence[TrackFrame], column: dict[int, int]) -> Floats:
    """Return `(N, K)`: what each track's last row says."""
    scores = np.zeros((len(column), frames[0].class_scores.shape[1] if frames else 0))
    for frame in frames:
        scores[[column[int(track)] for track in frame.track_ids]] = frame.class_scores
    return scores
