"""Results of the offline model: what is final of a window, and of a whole video."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from maskstream_model.aliases import Bools
from maskstream_model.rle import decode_masks
from maskstream_model.tasks.instances import best_pairs

Rle = Mapping[str, Any]
"""A mask as compressed run lengths of COCO: `size` is `[height, width]`, `counts` is text."""


@dataclass(frozen=True)
class RefinedWindow:
    """What is final of consecutive frames; windows follow one another without gaps.

    Attributes:
        first_frame: number of the first frame in the video, from 0.
        num_frames: frames that are decided here.
        size: `(height, width)` of the pictures.
        track_ids: `(R,)` int64 on the CPU: ids of the online tracker, from 1 and never used twice;
            or `-1 - i` for naive sequence `i`. Both name the same object in every window.
        probabilities: `(R, K)` float32 on the CPU, of the classes without no-object.
        segmentations: for tracks that are shown, by id, an RLE for each frame, None where empty.
    """

    first_frame: int
    num_frames: int
    size: tuple[int, int]
    track_ids: Tensor
    probabilities: Tensor
    segmentations: Mapping[int, tuple[Rle | None, ...]]


@dataclass(frozen=True)
class RefinedTrack:
    """One of the best `(track, class)` pairs of a video.

    Attributes:
        track_id: as in `RefinedWindow`.
        label: index of the class.
        score: probability of this class, 0 to 1.
        segmentations: an RLE for each frame of the video, None where the track has no mask.
    """

    track_id: int
    label: int
    score: float
    segmentations: tuple[Rle | None, ...]


@dataclass(frozen=True)
class RefinedVideo:
    """Best `(track, class)` pairs of a video, best first; a track may be there more than once."""

    num_frames: int
    size: tuple[int, int]
    tracks: tuple[RefinedTrack, ...]

    def masks(self, track: RefinedTrack) -> Bools:
        """Return the masks `(T, height, width)` bool of one of the tracks."""
        return decode_masks(track.segmentations, *self.size)


@dataclass
class _Track:
    """What the windows said of one track so far."""

    weighted: Tensor | float = 0.0
    num_frames: int = 0
    segmentations: list[Rle | None] = field(default_factory=list)

    def weigh(self, probabilities: Tensor, num_frames: int) -> None:
        """Add what a window says of the track's class."""
        self.weighted = self.weighted + num_frames * probabilities
        self.num_frames += num_frames

    def show(self, first_frame: int, segmentations: Sequence[Rle | None]) -> None:
        """Add masks; frames between those shown before and `first_frame` have none."""
        self.segmentations += [None] * (first_frame - len(self.segmentations))
        self.segmentations += segmentations


def collect(windows: Iterable[RefinedWindow], max_results: int) -> RefinedVideo:
    """Put the windows of a video together.

    The class of a track is the mean of what its windows say, weighted by the frames they decide.

    Args:
        windows: all of a video, at least one, in order.
        max_results: pairs at most.
    """
    tracks: dict[int, _Track] = {}
    for window in windows:
        ids = window.track_ids.tolist()
        for track_id, probabilities in zip(ids, window.probabilities, strict=True):
            tracks.setdefault(track_id, _Track()).weigh(probabilities, window.num_frames)
        for track_id, segmentations in window.segmentations.items():
            tracks[track_id].show(window.first_frame, segmentations)
    num_frames = window.first_frame + window.num_frames
    return RefinedVideo(num_frames, window.size, _best(tracks, num_frames, max_results))


def _best(
    tracks: Mapping[int, _Track], num_frames: int, max_results: int
) -> tuple[RefinedTrack, ...]:
    ids = [track_id for track_id, track in tracks.items() if track.segmentations]
    means = [torch.as_tensor(tracks[each].weighted) / tracks[each].num_frames for each in ids]
    scores, rows, labels = (
        values.tolist() for values in best_pairs(torch.stack(means), max_results)
    )
    for row in set(rows):
        tracks[ids[row]].show(num_frames, ())
    masks = {row: tuple(tracks[ids[row]].segmentations) for row in set(rows)}
    return tuple(
        RefinedTrack(ids[row], label, score, masks[row])
        for score, row, label in zip(scores, rows, labels, strict=True)
    )
