"""What the fields of a record may hold: `coding.record_from_json` takes nothing else.

A store is shared with other versions, and may be restored, edited or damaged. What is read from it
names files, so that a name is only taken where a worker could have written it.
"""

from typing import Annotated, Literal

from pydantic import Field

Count = Annotated[int, Field(ge=0, le=2**53)]
Seconds = Annotated[float, Field(ge=0, le=253_402_300_799)]
"""Unix time, up to the year 9999."""
Rate = Annotated[float, Field(gt=0, le=1e6)]
"""Frames per second."""
VideoId = Annotated[str, Field(pattern=r"\A[0-9A-Za-z]+\z")]
PartName = Annotated[str, Field(pattern=r"\Aresults-[0-9]+\.ndjson\z")]
Artifact = Literal[
    "ytvis.json",
    "overlay.mp4",
    "masks.zip",
    "panoptic.zip",
    "tracks.parquet",
    "tracks.csv",
    "events.csv",
    "coco.json",
    "mots.zip",
    "cvat-polygons.xml",
    "cvat-masks.xml",
    "label-studio.json",
    "labelme.zip",
    "fiftyone.zip",
]


def part_name(fence: int) -> PartName:
    """Return the name of the results that the worker of this fence writes."""
    return f"results-{fence}.ndjson"
