"""Results of the offline model: what is final of a window, and of a whole video."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from maskstream_model.evaluation.matching import Bools
from maskstream_model.evaluation.rle import decode_masks
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
class _Seen:
    """What the windows said of one track so far: a weighted sum, its weight, masks by frame."""

    probabilities: Tensor
    num_frames: int = 0
    segmentations: list[Rle | None] = field(default_factory=list)


def collect(windows: Iterable[RefinedWindow], max_results: int) -> RefinedVideo:
    """Put the windows of a video together.

    The class of a track is the mean of what its windows say, weighted by the frames they decide.

    Args:
        windows: all of a video, at least one, in order.
        max_results: pairs at most.
    """
    seen: dict[int, _Seen] = {}
    num_frames, size = 0, (0, 0)
    for window in windows:
        for track_id, probabilities in zip(
            window.track_ids.tolist(), window.probabilities, strict=True
        ):
            track = seen.setdefault(track_id, _Seen(torch.zeros_like(probabilities)))
            track.probabilities = track.probabilities + window.num_frames * probabilities
            track.num_frames += window.num_frames
        for track_id, segmentations in window.segmentations.items():
            track = seen[track_id]
            track.segmentations += [None] * (window.first_frame - len(track.segmentations))
            track.segmentations += segmentations
        num_frames, size = window.first_frame + window.num_frames, window.size
    return RefinedVideo(num_frames, size, _best_tracks(seen, num_frames, max_results))


def _best_tracks(
    seen: Mapping[int, _Seen], num_frames: int, max_results: int
) -> tuple[RefinedTrack, ...]:
    shown = [track_id for track_id, track in seen.items() if track.segmentations]
    means = torch.stack([seen[each].probabilities / seen[each].num_frames for each in shown])
    best = zip(*(values.tolist() for values in best_pairs(means, max_results)), strict=True)
    rest = {each: num_frames - len(seen[each].segmentations) for each in shown}
    whole = {each: (*seen[each].segmentations, *[None] * rest[each]) for each in shown}
    return tuple(
        RefinedTrack(shown[row], label, score, whole[shown[row]]) for score, row, label in best
    )
