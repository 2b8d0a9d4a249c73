"""Which clips of a data set a run learns from, and how they are varied."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maskstream_model.config import ClassInfo
from maskstream_train.data.readers import Format, open_reader
from maskstream_train.data.videos import VideoDataset
from maskstream_train.training.augmentation import Augmentation
from maskstream_train.training.clip_sampling import ClipSampling


@dataclass(frozen=True)
class DataSet:
    """A data set on disk: its folder (or file of annotations), and its form.

    Each process opens its own handle; the value is small enough to be sent to workers.
    """

    path: Path
    form: Format

    @property
    def name(self) -> str:
        """What it is, for people and for the weight file."""
        return f"{self.form} data at {self.path.name}"

    def open(self) -> VideoDataset:
        """Read the annotations.

        Raises:
            DatasetError: they are missing or broken.
        """
        return open_reader(self.path, self.form)


@dataclass(frozen=True)
class VideoPlan:
    """Which clips a step sees, as a function of its number alone.

    Attributes:
        videos: where clips are cut from; its categories are the model's classes.
        pictures: still pictures, seen as often as videos, or None.
        picture_classes: category of a picture to name of the class; others are left out.
        sampling: frames of a clip.
        augmentation: how they are varied.
        classes: of the model.
        model: its name.
        batch_size: clips of a step, over all processes.
        seed: of every draw.
    """

    videos: DataSet | None = None
    pictures: DataSet | None = None
    picture_classes: Mapping[str, str] = field(default_factory=dict)
    sampling: ClipSampling = field(default_factory=ClipSampling)
    augmentation: Augmentation = field(default_factory=Augmentation)
    classes: tuple[ClassInfo, ...] = ()
    model: str = ""
    batch_size: int = 8
    seed: int = 0

    @property
    def num_frames(self) -> int:
        """Frames of a clip."""
        return self.sampling.num_frames

    @property
    def name(self) -> str:
        """What is learned from, for the weight file."""
        return " and ".join(source.name for source in self.sources)

    @property
    def sources(self) -> list[DataSet]:
        """Videos, then pictures, where there are any."""
        return [source for source in (self.videos, self.pictures) if source is not None]
