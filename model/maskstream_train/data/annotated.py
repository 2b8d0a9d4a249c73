"""What a file of annotations holds: videos and their objects; masks stay encoded."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Bools
from maskstream_train.data.reading import video_name
from maskstream_train.data.rle import decode_masks


@dataclass(frozen=True, slots=True)
class AnnotatedObject:
    """One true object; `segmentations` has an entry per frame, None where it is not seen.

    `id`, `video` and `source` (the file) say where it was read, for errors.
    """

    category: int
    crowd: bool
    segmentations: tuple[Any, ...]
    areas: tuple[float | None, ...]
    occlusion: float | None
    id: int = 0
    video: int = 0
    source: str = "annotations"

    @property
    def entry(self) -> str:
        """Where it was read, for errors."""
        owner = video_name(self.video, len(self.segmentations))
        return f"{self.source}: {owner}, annotation {self.id}"

    def entry_of(self, frame: int) -> str:
        """Return where its mask on a frame was read, for errors."""
        return self.entry if len(self.segmentations) == 1 else f"{self.entry}, frame {frame}"

    @property
    def mean_area(self) -> float:
        """Mean area in pixels over the frames that show the object; 0 where none does."""
        seen = [area for area in self.areas if area]
        return float(np.mean(seen)) if seen else 0.0


@dataclass(frozen=True)
class AnnotatedVideo:
    """One video and its objects; `file_names` are relative to the folder of pictures."""

    id: int
    height: int
    width: int
    file_names: tuple[str, ...]
    objects: tuple[AnnotatedObject, ...]

    @property
    def name(self) -> str:
        """For people: the folder of its pictures."""
        return PurePath(self.file_names[0]).parent.name or str(self.id)

    @property
    def crowd(self) -> Bools:
        """`(G,)`."""
        return np.array([thing.crowd for thing in self.objects], dtype=bool)

    @property
    def occlusion(self) -> npt.NDArray[np.float64] | None:
        """`(G,)`, or None where an object does not say."""
        levels = [thing.occlusion for thing in self.objects]
        if any(level is None for level in levels):
            return None
        return np.array(levels, dtype=np.float64)

    def masks(self, frame: int) -> Bools:
        """Return the true masks `(G, height, width)` of a frame.

        Raises:
            DatasetError: a segmentation that is none, or of another size.
        """
        return decode_masks(
            [thing.segmentations[frame] for thing in self.objects],
            self.height,
            self.width,
            [thing.entry_of(frame) for thing in self.objects],
        )


@dataclass(frozen=True)
class AnnotatedVideos:
    """A file of annotations.

    Attributes:
        videos: by rising id.
        categories: names by id.
        annotated: False for a file of videos alone, as sets for submission are.
    """

    videos: tuple[AnnotatedVideo, ...]
    categories: Mapping[int, str]
    annotated: bool = True

    def beyond(self, others: "AnnotatedVideos") -> "AnnotatedVideos":
        """Return the videos whose folder of pictures `others` does not have.

        YouTube-VIS 2022 beyond 2021 are its long videos (section 4.2 of the paper).
        """
        known = {video.name for video in others.videos}
        return replace(self, videos=tuple(v for v in self.videos if v.name not in known))
