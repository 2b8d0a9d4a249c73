"""Opens annotations of own classes: their format, and the split into training and validation."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from maskstream_model.classes import color_of
from maskstream_model.errors import DatasetError
from maskstream_model.port import ClassInfo
from maskstream_train.data.annotated import AnnotatedVideo, AnnotatedVideos
from maskstream_train.data.layouts import annotation_file
from maskstream_train.data.readers import Format, open_instances
from maskstream_train.data.reading import read_json
from maskstream_train.data.ytvis import InstanceReader
from maskstream_train.own_classes.checks import check_annotations, check_file, check_pictures_open
from maskstream_train.training.video_plan import DataSet

SPLIT_SEED = 5


@dataclass(frozen=True)
class OwnPart(DataSet):
    """Some videos or pictures of a file of annotations.

    Attributes:
        images: folder that names of pictures are relative to; looked for where None.
        ids: of the videos or pictures.
    """

    images: Path | None = None
    ids: frozenset[int] = frozenset()

    def open(self) -> InstanceReader:
        """Read the annotations; see `DataSet`."""
        reader = open_instances(self.path, self.form, self.images)
        videos = tuple(video for video in reader.annotations.videos if video.id in self.ids)
        return reader.of(replace(reader.annotations, videos=videos))


@dataclass(frozen=True)
class OwnData:
    """A checked data set.

    Attributes:
        learned: training data.
        measured: validation data; the same where there is too little to hold some back.
        classes: by rising id of the data set.
        notes: on what is left out.
    """

    learned: OwnPart
    measured: OwnPart
    classes: tuple[ClassInfo, ...]
    notes: tuple[str, ...]

    @property
    def held_back(self) -> bool:
        """Whether validation data are separate from training data."""
        return not self.learned.ids & self.measured.ids


def open_own_data(
    path: Path, images: Path | None, form: Format | None, validation_share: float
) -> OwnData:
    """Read and check annotations, and hold some back.

    Args:
        path: JSON file in the form of COCO (CVAT's "COCO 1.0" too) or YouTube-VIS, or its folder.
        images: folder of the pictures; looked for beside the file where None.
        form: of the file; None: detected.
        validation_share: of the pictures or videos, held back for validation.

    Raises:
        DatasetError: something is missing or broken; one sentence that names file and entry.
    """
    file = annotation_file(path, form or "instances")
    check_file(file)
    form = form or _form_of(file)
    if form == "vipseg":
        raise DatasetError("own classes are trained on instances: COCO or YouTube-VIS, not VIPSeg")
    reader = open_instances(file, form, images)
    notes = check_annotations(file, reader.annotations)
    check_pictures_open(reader)
    learned, measured = split(reader.annotations, validation_share)
    if learned & measured:
        too_few = "There are too few pictures to hold some back"
        reason = too_few if validation_share else "No picture is held back"
        notes.append(f"{reason}: scores are those on pictures that were learned from.")
    part = OwnPart(file, form, images)
    names = [category.name for category in reader.categories]
    classes = tuple(ClassInfo(name, color_of(i)) for i, name in enumerate(names))
    return OwnData(replace(part, ids=learned), replace(part, ids=measured), classes, tuple(notes))


def _form_of(file: Path) -> Format:
    content = read_json(file)
    for name, form in _FORMS:
        if isinstance(content, dict) and isinstance(content.get(name), list):
            return form
    raise DatasetError(
        f"{file} lists neither images, as COCO does, nor videos, as YouTube-VIS does"
    )


_FORMS: Sequence[tuple[str, Format]] = (("videos", "ytvis"), ("images", "coco"))


def split(annotations: AnnotatedVideos, share: float) -> tuple[frozenset[int], frozenset[int]]:
    """Split ids into training and validation; both are the same where there are too few.

    Every class keeps at least one picture for training. Pictures without objects are in neither.
    """
    shown = [video for video in annotations.videos if _classes_of(video)]
    wanted = round(share * len(shown)) if share else 0
    wanted = max(wanted, 1) if share else 0
    counts = Counter(number for video in shown for number in _classes_of(video))
    order = np.random.default_rng(SPLIT_SEED).permutation(len(shown))
    held: set[int] = set()
    for video in (shown[place] for place in order):
        mine = _classes_of(video)
        if len(held) < wanted and all(counts[number] > 1 for number in mine):
            counts.subtract(mine)
            held.add(video.id)
    everything = frozenset(video.id for video in shown)
    return everything - held, frozenset(held) or everything


def _classes_of(video: AnnotatedVideo) -> set[int]:
    return {
        thing.category for thing in video.objects if not thing.crowd and any(thing.segmentations)
    }


Say = Callable[[str], None]
"""Prints a sentence for the user."""
