"""The one table of the files that can be made of results, for server, client and commands."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from maskstream_exports.coco import write_coco
from maskstream_exports.cvat import write_cvat_masks, write_cvat_polygons
from maskstream_exports.events import write_events
from maskstream_exports.fiftyone import write_fiftyone
from maskstream_exports.label_studio import write_label_studio
from maskstream_exports.labelme import write_labelme
from maskstream_exports.masks import write_masks
from maskstream_exports.mots import write_mots
from maskstream_exports.panoptic import write_panoptic
from maskstream_exports.tracks import write_csv, write_parquet
from maskstream_exports.video_results import VideoResults
from maskstream_exports.ytvis import write_ytvis

Writer = Callable[[VideoResults, Path], None]
"""Writes a file; raises OverflowError, with a sentence, where a value does not fit into it."""
FORMATS: Final[Mapping[str, Writer]] = {
    "ytvis.json": write_ytvis,
    "coco.json": write_coco,
    "mots.zip": write_mots,
    "cvat-polygons.xml": write_cvat_polygons,
    "cvat-masks.xml": write_cvat_masks,
    "label-studio.json": write_label_studio,
    "labelme.zip": write_labelme,
    "fiftyone.zip": write_fiftyone,
    "masks.zip": write_masks,
    "panoptic.zip": write_panoptic,
    "tracks.csv": write_csv,
    "tracks.parquet": write_parquet,
    "events.csv": write_events,
}
"""By the name of the file."""
