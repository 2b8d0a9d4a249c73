"""Pictures of a packed file that training leaves out, as annotated stills to measure on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from maskstream_model.errors import DatasetError
from maskstream_train.data.packed import DOUBTFUL, PackedPictures
from maskstream_train.data.videos import AnnotatedFrames, Category, VideoInfo


class PackedStills:
    """A `VideoDataset` of the complete pictures that are held out; doubtful places are crowds.

    Args:
        path: the file.

    Raises:
        DatasetError: it is no file of packed pictures, or holds none out.
    """

    def __init__(self, path: Path) -> None:
        self._pictures = PackedPictures(path, "held out")
        names = self._pictures.classes
        self.categories = tuple(Category(number, name) for number, name in enumerate(names, 1))
        self.videos = tuple(
            VideoInfo(number, one.file, one.height, one.width, (Path(one.file),))
            for number, one in enumerate(self._pictures.pictures)
        )
        if not self.videos:
            raise DatasetError(f"{path} holds no picture out")

    def read(self, video: int, numbers: Sequence[int]) -> AnnotatedFrames:
        """Return a picture, as often as `numbers` says; see `VideoDataset`.

        A doubtful place is a crowd of every class: it packs no class.
        """
        shown = self._pictures.read(video)
        masks, labels = shown.masks, shown.labels
        doubtful = shown.ignored == DOUBTFUL
        if doubtful.any():
            every = np.arange(len(self.categories))
            crowds = np.broadcast_to(doubtful, (len(every), *doubtful.shape))
            masks, labels = np.concatenate([masks, crowds]), np.concatenate([labels, every])
        repeated = [len(numbers)] + [1] * 3
        return AnnotatedFrames(
            frames=np.tile(shown.frame, repeated),
            masks=np.tile(masks, repeated),
            labels=labels,
            ids=np.arange(len(labels)),
            crowd=np.arange(len(labels)) >= len(shown.labels),
        )
