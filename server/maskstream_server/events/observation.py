"""What rules need to know of a frame: small, made of its tracks and masks on a worker thread."""

from __future__ import annotations

from dataclasses import dataclass, replace

from maskstream_model.port import Crops, TrackStatus, TrackTable
from maskstream_server.events.regions import CroppedMask, Measure
from maskstream_server.events.rules import EventRules


@dataclass(frozen=True)
class SeenTrack:
    """A track on a frame.

    Attributes:
        measures: for each rule where its mask is; None where that rule has no region, or does not
            count the track. Nothing at all for a mask without a pixel, or one that is a guess.
    """

    track_id: int
    label: int
    score: float
    status: TrackStatus
    measures: tuple[Measure | None, ...] = ()

    @property
    def is_seen(self) -> bool:
        """Whether the model sees it on this frame; where a missed one is, it only guesses."""
        return self.status in (TrackStatus.EMERGED, TrackStatus.TRACKED)

    @property
    def is_gone(self) -> bool:
        """Whether the frame is its last one."""
        return self.status is TrackStatus.DISAPPEARED

    def measure(self, rule: int) -> Measure | None:
        """Return what the rule of this index has measured."""
        return self.measures[rule] if self.measures else None


Seen = tuple[SeenTrack, ...]
"""The tracks that the result of a frame mentions."""


@dataclass(frozen=True)
class Observation:
    """A frame as rules see it.

    Attributes:
        pts_us: its presentation time in microseconds; below 0 where that is not known.
    """

    sequence: int
    epoch: int
    pts_us: int
    tracks: Seen = ()


def observe(rules: EventRules, tracks: TrackTable, crops: Crops | None) -> Seen:
    """Return the reported tracks of a frame; `crops` are their masks, needed by regions alone."""
    if not rules:
        return ()
    rows = zip(
        tracks.track_ids.tolist(),
        tracks.labels.tolist(),
        tracks.scores.tolist(),
        tracks.status.tolist(),
        strict=True,
    )
    return tuple(
        _seen(rules, SeenTrack(track, label, score, TrackStatus(status)), _mask(crops, row))
        for row, (track, label, score, status) in enumerate(rows)
    )


def _seen(rules: EventRules, track: SeenTrack, mask: CroppedMask | None) -> SeenTrack:
    if mask is None or not track.is_seen:
        return track
    measures = (
        bound.measure(mask) if bound.counts(track.label, track.score) else None
        for bound in rules.bound
    )
    return replace(track, measures=tuple(measures))


def _mask(crops: Crops | None, row: int) -> CroppedMask | None:
    if crops is None or not crops.areas[row]:
        return None
    x0, y0 = crops.boxes[row, :2].tolist()
    return CroppedMask(crops.size, x0, y0, crops.bitmaps[row], int(crops.areas[row]))
