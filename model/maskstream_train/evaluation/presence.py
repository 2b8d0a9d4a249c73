"""Do tracks come and go with the objects, where it is only known when each object is there?"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text
from scipy.optimize import linear_sum_assignment

from maskstream_model.aliases import Floats, Ints
from maskstream_model.command_errors import printable
from maskstream_model.port import TrackStatus
from maskstream_train.evaluation.presence_truth import PresenceTruth, PresentObject
from maskstream_train.evaluation.records import TrackFrame

LASTING_SHARE = 0.8
"""Share of an object's frames that one track must hold to be its lasting identity."""
SLACK_FRAMES = 2
"""How exact the frame numbers of the truth are."""


@dataclass(frozen=True)
class TrackLife:
    """One track over a clip: frames it was live on, and mask centres `(row, column)` of 0 to 1."""

    track_id: int
    frames: Ints
    centers: Floats

    @property
    def travel(self) -> float:
        """How far down the picture it went, from -1 (bottom to top) to 1."""
        return float(self.centers[-1, 0] - self.centers[0, 0]) if len(self.frames) else 0.0


@dataclass(frozen=True)
class ObjectVerdict:
    """What became of one object.

    Attributes:
        id: as in the truth.
        track_id: the track that held it longest, None where none did.
        share: of the object's frames that this track was live on.
        num_tracks: tracks paired with it or alive mostly while only it was there.
        lasting: one track held it for at least `LASTING_SHARE` of its frames.
    """

    id: str
    track_id: int | None
    share: float
    num_tracks: int
    lasting: bool


@dataclass(frozen=True)
class PresenceReport:
    """Verdicts on objects, and what was seen where nothing is.

    Attributes:
        objects: one verdict per object.
        num_tracks: tracks that were ever live.
        empty_frames: frames on which nothing is, without `SLACK_FRAMES` at their edges.
        false_frames: those of them on which a track was live.
        false_tracks: tracks live on any of them.
    """

    objects: tuple[ObjectVerdict, ...]
    num_tracks: int
    empty_frames: int
    false_frames: int
    false_tracks: int

    @property
    def notes(self) -> Sequence[str]:
        """Sentences for people below the table: none."""
        return ()

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)

    def tables(self) -> list[Table]:
        """Return a table for people."""
        table = Table(title=f"{self.num_tracks} tracks")
        for head in ("object", "track", "share of its frames", "tracks", "lasting"):
            table.add_column(head)
        for verdict in self.objects:
            track = "-" if verdict.track_id is None else str(verdict.track_id)
            lasting = "yes" if verdict.lasting else "no"
            table.add_row(
                Text(printable(verdict.id)),
                track,
                f"{verdict.share:.2f}",
                str(verdict.num_tracks),
                lasting,
            )
        empty = f"{self.false_frames} of {self.empty_frames} empty frames"
        table.add_row("nothing", "", empty, str(self.false_tracks), "")
        return [table]


def track_lives(frames: Iterable[TrackFrame], score_min: float = 0.0) -> list[TrackLife]:
    """Collect when and where each track was live, by rising id; one frame is held at a time."""
    seen: dict[int, list[tuple[int, float, float]]] = {}
    for time, frame in enumerate(frames):
        shown = (frame.status < TrackStatus.MISSED) & (frame.scores >= score_min)
        for row in np.flatnonzero(shown & frame.masks.any(axis=(1, 2))):
            rows, columns = np.nonzero(frame.masks[row])
            height, width = frame.masks.shape[1:]
            place = (time, float(rows.mean() / height), float(columns.mean() / width))
            seen.setdefault(int(frame.track_ids[row]), []).append(place)
    return [_life(track, places) for track, places in sorted(seen.items())]


def _life(track: int, places: Sequence[tuple[int, float, float]]) -> TrackLife:
    values = np.array(places)
    return TrackLife(track, values[:, 0].astype(np.int64), values[:, 1:])


def judge_presence(lives: Sequence[TrackLife], truth: PresenceTruth) -> PresenceReport:
    """Pair tracks with objects by the frames they share and the way they go, and judge both."""
    shares = np.array([[_share(life, thing) for life in lives] for thing in truth.objects])
    shares = shares.reshape(len(truth.objects), len(lives))
    pairs = dict(zip(*linear_sum_assignment(shares, maximize=True), strict=True))
    verdicts = [
        _verdict(thing, shares[row], lives, pairs.get(row))
        for row, thing in enumerate(truth.objects)
    ]
    spans = [(first + SLACK_FRAMES, last - SLACK_FRAMES) for first, last in truth.empty]
    inside = [np.isin(life.frames, _frames_of(spans)) for life in lives]
    false = {int(f) for life, hit in zip(lives, inside, strict=True) for f in life.frames[hit]}
    return PresenceReport(
        objects=tuple(verdicts),
        num_tracks=len(lives),
        empty_frames=len(_frames_of(spans)),
        false_frames=len(false),
        false_tracks=sum(bool(hit.any()) for hit in inside),
    )


def _share(life: TrackLife, thing: PresentObject) -> float:
    """Return the share of the object's frames that the track is live on; 0 if it goes elsewhere."""
    if life.travel * thing.travel < 0:
        return 0.0
    inside = (life.frames >= thing.first) & (life.frames <= thing.last)
    # a track that is mostly alive while the object is absent is of something else
    if 2 * inside.sum() < len(life.frames):
        return 0.0
    return float(inside.sum() / (thing.last - thing.first + 1))


def _verdict(
    thing: PresentObject, shares: Floats, lives: Sequence[TrackLife], column: int | None
) -> ObjectVerdict:
    share = 0.0 if column is None else float(shares[column])
    if column is None or share == 0:
        return ObjectVerdict(thing.id, None, 0.0, int((shares > 0).sum()), False)
    return ObjectVerdict(
        thing.id,
        lives[column].track_id,
        share,
        int((shares > 0).sum()),
        share >= LASTING_SHARE,
    )


def _frames_of(spans: Sequence[tuple[int, int]]) -> Ints:
    frames = [np.arange(first, last + 1) for first, last in spans]
    return np.concatenate([np.zeros(0, dtype=np.int64), *frames])
