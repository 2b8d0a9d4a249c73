"""Gives chosen frames of videos that are annotated in the form of YouTube-VIS, OVIS, or COCO."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from maskstream_train.data.annotated import AnnotatedVideo, AnnotatedVideos
from maskstream_train.data.pictures import check_pictures, read_frame
from maskstream_train.data.videos import AnnotatedFrames, Category, VideoInfo


class InstanceReader:
    """A `VideoDataset` of videos (or still pictures) with a segmentation per object and frame.

    All categories are things.

    Args:
        annotations: of a file, or of some of its videos; kept by reference.
        pictures: folder that file names are relative to.

    Raises:
        DatasetError: a frame is missing.
    """

    def __init__(self, annotations: AnnotatedVideos, pictures: Path) -> None:
        self.annotations = annotations
        self._pictures = pictures
        names = annotations.categories
        self.categories = tuple(Category(number, names[number]) for number in sorted(names))
        self._rows = {item.id: row for row, item in enumerate(self.categories)}
        self.videos = tuple(_info(video, pictures) for video in annotations.videos)
        check_pictures(self.videos)

    @property
    def annotated(self) -> bool:
        """Whether there is any truth."""
        return self.annotations.annotated

    def of(self, annotations: AnnotatedVideos) -> "InstanceReader":
        """Return a reader of some of the videos."""
        return InstanceReader(annotations, self._pictures)

    def read(self, video: int, numbers: Sequence[int]) -> AnnotatedFrames:
        """Return frames `numbers` of `videos[video]`; see `VideoDataset`."""
        truth = self.annotations.videos[video]
        # A still picture that stands for a clip is asked for many times over.
        frames = {number: read_frame(self.videos[video], number) for number in set(numbers)}
        masks = {number: truth.masks(number) for number in frames}
        return AnnotatedFrames(
            frames=np.stack([frames[number] for number in numbers]),
            masks=np.stack([masks[number] for number in numbers]),
            labels=np.array([self._rows[thing.category] for thing in truth.objects], np.int64),
            ids=np.array([thing.id for thing in truth.objects], np.int64),
            crowd=truth.crowd,
        )


def _info(video: AnnotatedVideo, pictures: Path) -> VideoInfo:
    paths = tuple(pictures / name for name in video.file_names)
    return VideoInfo(video.id, video.name, video.height, video.width, paths)
