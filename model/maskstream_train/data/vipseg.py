"""Gives chosen frames of panoptic videos in the form of VIPSeg, things and stuff."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from maskstream_model.aliases import Bools
from maskstream_model.errors import DatasetError
from maskstream_train.data.panoptic import PanopticTruth, SegmentInfo, read_ids
from maskstream_train.data.pictures import check_pictures, read_frame
from maskstream_train.data.videos import AnnotatedFrames, VideoInfo

Member = tuple[int, int]
"""Of an object: its category and, for a thing, its segment id; all stuff of a class is one."""


class VipsegReader:
    """A `VideoDataset` of panoptic videos.

    Args:
        truth: annotations of a file; kept by reference.
        pictures: folder of `<video>/<frame>`; a name that is not there ends in .jpg instead.
        segments: folder of `<video>/<frame>.png` with segment ids.

    Raises:
        DatasetError: a frame is missing, or the frames of a video differ in size.
    """

    def __init__(self, truth: PanopticTruth, pictures: Path, segments: Path) -> None:
        self.truth = truth
        self.segments = segments
        self.categories = tuple(sorted(truth.categories, key=lambda item: item.id))
        self._rows = {item.id: row for row, item in enumerate(self.categories)}
        self.videos = tuple(_info(truth, name, pictures) for name in sorted(truth.images))
        check_pictures(self.videos)

    @property
    def annotated(self) -> bool:
        """Whether there is any truth."""
        return self.truth.annotated

    def read(self, video: int, numbers: Sequence[int]) -> AnnotatedFrames:
        """Return frames `numbers` of `videos[video]`; see `VideoDataset`.

        Objects are things by segment id and stuff by class, numbered from 1 through the video.
        """
        listed = self._listed(self.videos[video])
        crowds: dict[Member, bool] = {}
        for rows in listed:
            for row in rows:
                crowds.setdefault(self._member(row), row.crowd)
        members = sorted(crowds)
        return AnnotatedFrames(
            frames=np.stack([read_frame(self.videos[video], number) for number in numbers]),
            masks=np.stack([self._masks(video, n, listed[n], members) for n in numbers]),
            labels=np.array([self._rows[category] for category, _ in members], np.int64),
            ids=np.arange(1, len(members) + 1),
            crowd=np.array([crowds[member] for member in members], dtype=bool),
        )

    def _listed(self, info: VideoInfo) -> list[list[SegmentInfo]]:
        """Return the segments of every frame."""
        if not self.annotated:
            return [[] for _ in info.pictures]
        entries = self.truth.entries
        return [
            entries.segments(info.name, number, self._rows) for number in range(len(info.pictures))
        ]

    def _member(self, row: SegmentInfo) -> Member:
        thing = self.categories[self._rows[row.category]].thing
        return row.category, row.id if thing else 0

    def _masks(
        self, video: int, number: int, rows: Sequence[SegmentInfo], members: Sequence[Member]
    ) -> Bools:
        """Return masks `(G, height, width)` of the members on one frame."""
        info = self.videos[video]
        masks = np.zeros((len(members), info.height, info.width), dtype=bool)
        if not self.annotated:
            return masks
        stem = self.truth.entries.file_stem(info.name, number)
        path = self.segments / info.name / f"{stem}.png"
        ids = read_ids(path, (info.height, info.width))
        unlisted = set(np.unique(ids).tolist()) - {0, *(row.id for row in rows)}
        if unlisted:
            place = self.truth.entries.place(info.name, number)
            raise DatasetError(f"{path}: id {min(unlisted)} is not listed in {place}")
        for row in rows:
            masks[members.index(self._member(row))] |= ids == row.id
        return masks


def _info(truth: PanopticTruth, name: str, pictures: Path) -> VideoInfo:
    images = truth.images[name]
    sizes = {(image.height, image.width) for image in images}
    if len(sizes) > 1:
        raise DatasetError(f"{truth.entries.path}: the frames of video {name} differ in size")
    paths = tuple(_picture(pictures / name / image.file_name) for image in images)
    return VideoInfo(name, name, *sizes.pop(), paths)


def _picture(path: Path) -> Path:
    """Return the path of a picture: some files name the PNG of its segments instead."""
    return path if path.suffix == ".jpg" or path.is_file() else path.with_suffix(".jpg")
