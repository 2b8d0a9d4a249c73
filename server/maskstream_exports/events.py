"""`events.csv`: a table with one row for each event that a rule has made."""

import csv
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from maskstream_exports.video_results import Lines, VideoResults
from maskstream_protocol.rule_events import RuleEvent

COLUMNS: Final = ("frame", "time_s", *(field.name for field in fields(RuleEvent)))


def write_events(results: VideoResults, target: Path) -> None:
    """Write the table as `tracks.csv` is: frame, time and the fields of the event, empty for none.

    Without rules there are no events, and no rows.
    """
    with target.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        out.writeheader()
        out.writerows(_rows(results.lines))


def _rows(lines: Lines) -> Iterator[dict[str, Any]]:
    for line in lines:
        frame = json.loads(line)
        for event in frame.get("events", ()):
            yield {"frame": frame["frame"], "time_s": frame["time_s"], **event}
