"""`tracks.csv` and `tracks.parquet`: a table with one row for each track on each frame."""

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from maskstream_exports.video_results import Lines, VideoResults

ROWS_AT_ONCE = 4_000
ITEM_COLUMNS = ("track_id", "class_id", "label", "score", "status", "age")
COLUMNS = ("frame", "time_s", *ITEM_COLUMNS, "x0", "y0", "x1", "y1", "area")


def write_csv(results: VideoResults, target: Path) -> None:
    """Write the table of `write_parquet` as UTF-8 text, with the names of its columns on top.

    Lines end in CR LF, as RFC 4180 has it; an unknown time is empty.
    """
    with target.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        out.writerows(_rows(results.lines))


def write_parquet(results: VideoResults, target: Path) -> None:
    """Write the table: frame, time_s, track_id, class_id, label, score, status, age, box, area.

    The box is `x0 y0 x1 y1`, half open and in pixels of the masks, as the area is; both are 0
    where a track has no pixel. Missed tracks are there, as guesses, and those that have just gone.
    """
    # Of some weight: imported where a table is wished for.
    import pyarrow as pa
    from pyarrow import parquet

    fields: dict[str, Any] = {
        "frame": pa.int64(),
        "time_s": pa.float64(),
        "track_id": pa.int64(),
        "class_id": pa.int32(),
        "label": pa.string(),
        "score": pa.float32(),
        "status": pa.string(),
        "age": pa.int64(),
        **dict.fromkeys(("x0", "y0", "x1", "y1"), pa.int32()),
        "area": pa.int64(),
    }
    schema = pa.schema(fields)
    rows = _rows(results.lines)
    with parquet.ParquetWriter(target, schema) as out:
        while some := list(islice(rows, ROWS_AT_ONCE)):
            columns = zip(*some, strict=True)
            arrays = list(map(pa.array, columns, schema.types))
            out.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _rows(lines: Lines) -> Iterator[tuple[Any, ...]]:
    """Yield the values of each row, without its mask, in the order of the columns."""
    for line in lines:
        frame = json.loads(line)
        for item in frame["objects"]:
            values = (item[name] for name in ITEM_COLUMNS)
            yield frame["frame"], frame["time_s"], *values, *item["box"], item["area"]
