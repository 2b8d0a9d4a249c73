"""How well tracks follow objects: emergence, disappearance, identity switches, precision.

Classes play no part. The first two follow Fig. 1 of the paper, made exact as follows.

* An object **emerges** on its first visible frame after frame 0, and again when it comes back after
  an absence of more than `within` frames. It counts when a track with status 0 or 1 covers it with
  IoU >= 0.5 on that frame or one of the `within` frames after it (while this visit lasts).
* It **disappears** on the first frame of such an absence. That counts when tracks with status 0 or
  1 covered it during the visit, and on that frame or one of the `within` frames after it none of
  them has status 0 or 1. An object that nothing ever covered counts as not noticed.
* An absence of at most `within` frames is a blink and neither of the two. Events less than `within`
  frames before the end of the clip are left out: nobody can tell what would have come.
* On each frame objects and tracks are paired one to one at IoU >= 0.5; an object keeps the track it
  had last while that still covers it. A **switch** is a change of that track, also after an
  absence. Whether an object had none is asked only of objects that were ever found.
* An object that was found **returns** where it is found again after an absence: under its own
  identity where the first track that it has then is one that it had before, under that of another
  object where that one had it before, else under a new one.
"""

from dataclasses import dataclass, fields

import numpy as np

from maskstream_model.aliases import Bools, Floats, Ints
from maskstream_train.evaluation.records import EvaluatedVideo

IOU_MIN = 0.5
"""From which a track covers an object."""
WITHIN_FRAMES = 3
"""Frames of patience; see above."""


@dataclass(frozen=True)
class IdentityCounts:
    """Counts that add up over videos; ratios are fractions of 1, or -1 where nothing happened."""

    emerged: int = 0
    emerged_found: int = 0
    disappeared: int = 0
    disappeared_noticed: int = 0
    objects: int = 0
    objects_found: int = 0
    objects_unswitched: int = 0
    switches: int = 0
    object_frames: int = 0
    matched_frames: int = 0
    track_frames: int = 0
    tracks: int = 0
    tracks_right: int = 0
    returned: int = 0
    returned_as_itself: int = 0
    returned_as_another: int = 0

    def __add__(self, other: "IdentityCounts") -> "IdentityCounts":
        names = [field.name for field in fields(self)]
        return IdentityCounts(*(getattr(self, name) + getattr(other, name) for name in names))

    @property
    def emergence_recall(self) -> float:
        """Share of emergences found in time."""
        return _ratio(self.emerged_found, self.emerged)

    @property
    def disappearance_recall(self) -> float:
        """Share of disappearances noticed in time."""
        return _ratio(self.disappeared_noticed, self.disappeared)

    @property
    def unswitched_share(self) -> float:
        """Share of the found objects that kept one identity."""
        return _ratio(self.objects_unswitched, self.objects_found)

    @property
    def switches_per_object(self) -> float:
        """Mean number of switches of a found object."""
        return _ratio(self.switches, self.objects_found)

    @property
    def recall(self) -> float:
        """Share of visible objects, frame by frame, that a track covers."""
        return _ratio(self.matched_frames, self.object_frames)

    @property
    def precision(self) -> float:
        """Share of live track masks, frame by frame, that cover an object of their own."""
        return _ratio(self.matched_frames, self.track_frames)

    @property
    def track_precision(self) -> float:
        """Share of tracks that cover objects of their own on half of their live frames."""
        return _ratio(self.tracks_right, self.tracks)


def count_identities(record: EvaluatedVideo, within: int = WITHIN_FRAMES) -> IdentityCounts:
    """Count events, switches and matches of one video; crowds are left out."""
    objects = np.flatnonzero(~record.crowd & (record.truth_areas > 0).any(axis=0))
    covers = (record.frame_ious[:, :, objects] >= IOU_MIN) & record.live[:, :, None]
    visible = record.truth_areas[:, objects] > 0
    owners = pair_up(np.where(covers, record.frame_ious[:, :, objects], 0.0))
    found = (owners >= 0).any(axis=0)
    switches = np.array([_switches(owners[:, column]) for column in range(len(objects))], dtype=int)
    matched = np.zeros(len(record.track_ids), dtype=np.int64)
    np.add.at(matched, owners[owners >= 0], 1)
    lived = record.live.sum(axis=0)
    counts = IdentityCounts(
        objects=len(objects),
        objects_found=int(found.sum()),
        objects_unswitched=int((found & (switches == 0)).sum()),
        switches=int(switches.sum()),
        object_frames=int(visible.sum()),
        matched_frames=int(matched.sum()),
        track_frames=int(lived.sum()),
        tracks=int((lived > 0).sum()),
        tracks_right=int(((lived > 0) & (2 * matched >= lived)).sum()),
    )
    for column in range(len(objects)):
        stays = visits(visible[:, column], within)
        counts += _count_events(covers[:, :, column], record.live, stays, within)
        counts += _count_returns(owners, column, stays)
    return counts


def visits(visible: Bools, within: int) -> list[tuple[int, int]]:
    """Return first and last frame of each stay in `visible (T,)`; blinks do not end a stay."""
    frames = np.flatnonzero(visible)
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > within + 1)
    firsts = frames[np.concatenate([[0], breaks + 1])]
    lasts = frames[np.concatenate([breaks, [len(frames) - 1]])]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]


def pair_up(ious: Floats) -> Ints:
    """Pair objects with tracks frame by frame, each track with at most one object.

    Args:
        ious: `(T, N, G)`, 0 where a track may not have the object.

    Returns:
        `(T, G)` row of the track that an object has, -1 for none.
    """
    num_frames, _, num_objects = ious.shape
    owners = np.full((num_frames, num_objects), -1, dtype=np.int64)
    last = np.full(num_objects, -1, dtype=np.int64)
    for frame, own in zip(ious, owners, strict=True):
        for column in np.flatnonzero(last >= 0):
            if frame[last[column], column] > 0 and last[column] not in own:
                own[column] = last[column]
        _pair_rest(frame, own)
        last = np.where(own >= 0, own, last)
    return owners


def _pair_rest(frame: Floats, own: Ints) -> None:
    """Give free tracks to objects without one in `own (G,)`, largest overlap first."""
    rows, columns = np.nonzero(frame)
    for index in np.argsort(-frame[rows, columns], kind="stable"):
        row, column = rows[index], columns[index]
        if own[column] < 0 and row not in own:
            own[column] = row


def _switches(owners: Ints) -> int:
    """Return how often the track in `owners (T,)` changes, gaps left out."""
    held = owners[owners >= 0]
    return int((held[1:] != held[:-1]).sum())


def _count_events(
    covers: Bools, live: Bools, stays: list[tuple[int, int]], within: int
) -> IdentityCounts:
    """Count emergences and disappearances of one object.

    Args:
        covers: `(T, N)` live tracks that cover it.
        live: `(T, N)`.
        stays: first and last frames of its visits.
        within: frames of patience.
    """
    num_frames = len(live)
    counts = IdentityCounts()
    for first, last in stays:
        if first > 0 and first + within < num_frames:
            end = min(first + within, last) + 1
            counts += IdentityCounts(emerged=1, emerged_found=int(covers[first:end].any()))
        if last + 1 + within < num_frames:
            followers = covers[first : last + 1].any(axis=0)
            still = live[last + 1 : last + 2 + within, followers].any(axis=1)
            noticed = bool(followers.any() and not still.all())
            counts += IdentityCounts(disappeared=1, disappeared_noticed=int(noticed))
    return counts


def _count_returns(owners: Ints, column: int, stays: list[tuple[int, int]]) -> IdentityCounts:
    """Count the returns of one object.

    Args:
        owners: `(T, G)` row of the track that each object has, -1 for none.
        column: of the object.
        stays: first and last frames of its visits.
    """
    counts = IdentityCounts()
    for first, last in stays[1:]:
        before, now = owners[:first], owners[first : last + 1, column]
        found = now[now >= 0]
        if not len(found) or (before[:, column] < 0).all():
            continue
        own = bool((before[:, column] == found[0]).any())
        others = not own and bool((before == found[0]).any())
        counts += IdentityCounts(
            returned=1, returned_as_itself=int(own), returned_as_another=int(others)
        )
    return counts


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else -1.0
