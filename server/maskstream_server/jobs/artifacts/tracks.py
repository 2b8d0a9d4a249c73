"""`tracks.parquet`: a table with one row for each track on each frame."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from maskstream_server.jobs.artifacts.material import Lines

ROWS_AT_ONCE = 10_000


def write_tracks(lines: Lines, target: Path) -> None:
    """Write the table: frame, time_s, track_id, class_id, label, score, status, age, box, area.

    The box is `x0 y0 x1 y1`, half open and in pixels of the masks, as the area is; both are 0
    where a track has no pixel. Missed tracks are there, as guesses, and those that have just gone.
    """
    # Of some weight: imported where a table is wished for.
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, Any] = {
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
    schema = pa.schema(columns)
    rows = _rows(lines)
    with parquet.ParquetWriter(target, schema) as out:
        while some := list(islice(rows, ROWS_AT_ONCE)):
            out.write_table(pa.Table.from_pylist(some, schema))


def _rows(lines: Lines) -> Iterator[dict[str, Any]]:
    for line in lines:
        frame = json.loads(line)
        for item in frame["objects"]:
            box = dict(zip(("x0", "y0", "x1", "y1"), item["box"], strict=True))
            yield {"frame": frame["frame"], "time_s": frame["time_s"], **item, **box}
