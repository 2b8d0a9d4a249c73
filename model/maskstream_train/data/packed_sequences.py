"""Videos of a packed file as annotated clips: which objects of neighbouring pictures are the same.

Where an object of a video is not marked on a frame, nobody knows whether it has gone.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import count

import numpy as np
from scipy.optimize import linear_sum_assignment

from maskstream_model.aliases import Bools
from maskstream_train.data.packed import DOUBTFUL, PackedPicture, PackedPictures
from maskstream_train.data.packed_clips import PackedClip
from maskstream_train.data.rle import decode_masks

SAME_IOU = 0.5
"""Least IoU from one picture to the next of two masks of the teacher that show one object."""
Ids = tuple[int, ...]
"""Which object each mask of a picture shows."""


class PackedSequences:
    """The videos of a file; their frames are its pictures, so that some lie between two of them.

    Attributes:
        videos: numbers of the pictures of each video, by time.
    """

    def __init__(self, pictures: PackedPictures) -> None:
        """List the videos; masks and pictures are read when asked for."""
        self._pictures = pictures
        videos: dict[str, list[int]] = defaultdict(list)
        for number, picture in enumerate(pictures.pictures):
            if picture.sequence:
                videos[picture.sequence].append(number)
        self.videos = tuple(tuple(numbers) for numbers in videos.values())
        self._ids: dict[int, tuple[Ids, ...]] = {}

    def ids(self, video: int) -> tuple[Ids, ...]:
        """Return the ids of the objects on every frame of a video.

        Raises:
            DatasetError: a broken mask.
        """
        if video not in self._ids:
            self._ids[video] = follow([self._pictures.pictures[n] for n in self.videos[video]])
        return self._ids[video]

    def clip(self, video: int, frames: Sequence[int], everywhere: bool) -> PackedClip:
        """Return some frames of a video, in this order.

        The certainty of a label is its mean over the frames that show the object.

        Args:
            video: which.
            frames: at least one.
            everywhere: of the objects, only those that are marked on all of these frames; others
                are doubtful where they are marked. Without, they have empty masks elsewhere.

        Raises:
            DatasetError: a picture is missing or broken.
        """
        shown = [self._pictures.read(self.videos[video][frame]) for frame in frames]
        ids = [self.ids(video)[frame] for frame in frames]
        common = set(ids[0]).intersection(*ids)
        objects = sorted(common if everywhere else set().union(*ids))
        size = shown[0].masks.shape[1:]
        masks = np.zeros((len(shown), len(objects), *size), bool)
        ignored = np.stack([picture.ignored for picture in shown])
        labels = np.zeros(len(objects), np.int64)
        certainties, seen = np.zeros(len(objects)), np.zeros(len(objects))
        for number, (picture, here) in enumerate(zip(shown, ids, strict=True)):
            for item, each in enumerate(here):
                if each not in objects:
                    ignored[number][picture.masks[item]] = DOUBTFUL
                    continue
                place = objects.index(each)
                masks[number, place] = picture.masks[item]
                labels[place] = picture.labels[item]
                certainties[place] += picture.certainties[item]
                seen[place] += 1
        frames_shown = [picture.frame for picture in shown]
        return PackedClip(frames_shown, masks, labels, certainties / np.maximum(seen, 1), ignored)


def follow(pictures: Sequence[PackedPicture]) -> tuple[Ids, ...]:
    """Return ids of the objects of a video's pictures.

    What people marked is one object where it is the only one of its class; other masks show the
    object of the picture before that they overlap.
    """
    lone = _lone_labels(pictures)
    fresh = count(len(lone))
    ids: list[Ids] = []
    before: list[tuple[int, int, Bools]] = []
    for picture in pictures:
        things = picture.objects
        masks = decode_masks([one.mask for one in things], picture.height, picture.width)
        labels = [-1 if one.exact and one.label in lone else one.label for one in things]
        same = _overlapping(before, labels, masks)
        here = tuple(
            lone.index(one.label) if label < 0 else same.get(place, -1)
            for place, (one, label) in enumerate(zip(things, labels, strict=True))
        )
        here = tuple(next(fresh) if each < 0 else each for each in here)
        ids.append(here)
        before = list(zip(here, labels, masks, strict=True))
    return tuple(ids)


def _lone_labels(pictures: Sequence[PackedPicture]) -> list[int]:
    """Return the classes of which people never marked two objects on a picture of the video."""
    counts = [Counter(one.label for one in picture.objects if one.exact) for picture in pictures]
    labels = sorted({label for each in counts for label in each})
    return [label for label in labels if all(each[label] <= 1 for each in counts)]


def _overlapping(
    before: Sequence[tuple[int, int, Bools]], labels: Sequence[int], masks: Bools
) -> dict[int, int]:
    """Return the id of each mask that overlaps one of the picture before, of the same class.

    Args:
        before: id, label and mask `(height, width)` of the objects there.
        labels: of the masks; those below 0 match nothing.
        masks: `(O, height, width)`.
    """
    ious = np.zeros((len(before), len(labels)))
    for row, (_, label, mask) in enumerate(before):
        for place, other in enumerate(labels):
            if label == other >= 0:
                union = (mask | masks[place]).sum()
                ious[row, place] = (mask & masks[place]).sum() / max(int(union), 1)
    rows, places = linear_sum_assignment(-ious)
    return {
        int(place): before[row][0]
        for row, place in zip(rows, places, strict=True)
        if ious[row, place] >= SAME_IOU
    }
