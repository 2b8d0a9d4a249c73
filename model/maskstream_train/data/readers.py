"""Opens data sets on disk by their form."""

from pathlib import Path
from typing import Final, Literal

from maskstream_model.errors import DatasetError
from maskstream_train.data.annotations import read_annotations, read_stills
from maskstream_train.data.layouts import annotation_file, picture_folder, segment_folder
from maskstream_train.data.panoptic import read_truth
from maskstream_train.data.vipseg import VipsegReader
from maskstream_train.data.ytvis import InstanceReader

Format = Literal["ytvis", "ovis", "vipseg", "coco"]
PACKED: Final = "packed"
"""The form of files that `scripts/pack_demo.py` makes."""


def open_reader(path: Path, form: Format) -> InstanceReader | VipsegReader:
    """Open a data set.

    Args:
        path: its file of annotations, or a folder in the layout that its authors publish.
        form: `ytvis` (2019, 2021, 2022), `ovis`, `vipseg` or `coco` (still pictures).

    Raises:
        DatasetError: nothing to read there, a broken annotation, or a missing picture.
    """
    file = annotation_file(path, form)
    return _open_vipseg(file) if form == "vipseg" else open_instances(file, form)


def open_instances(file: Path, form: Format, pictures: Path | None = None) -> InstanceReader:
    """Open a data set of instances by its file of annotations; see `open_reader`.

    Args:
        file: annotations.
        form: any but `vipseg`.
        pictures: folder that names of pictures are relative to; looked for where left out.
    """
    annotations = read_stills(file) if form == "coco" else read_annotations(file)
    if not annotations.videos:
        raise DatasetError(f"{file} lists no {'pictures' if form == 'coco' else 'videos'}")
    names = [video.file_names[0] for video in annotations.videos]
    return InstanceReader(annotations, pictures or picture_folder(file, names))


def _open_vipseg(file: Path) -> VipsegReader:
    truth = read_truth(file)
    if not truth.images:
        raise DatasetError(f"{file} lists no videos")
    folder = picture_folder(file, list(truth.images))
    segments = segment_folder(file) if truth.annotated else folder
    return VipsegReader(truth, folder, segments)
