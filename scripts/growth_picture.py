"""Draws docs/images/growth.png from a report of `maskstream bench growth --out REPORT`."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
AXES = {
    "tracks": "tracks of a session",
    "sessions": "sessions, up to eight in a step",
    "megapixels": "megapixels of a frame",
    "length": "frames since the session began",
}
BLUE, ORANGE = "#1f6fb4", "#c8640a"


def main() -> None:
    """Read the report and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs/images/growth.png")
    asked = parser.parse_args()
    draw(json.loads(asked.report.read_text())["runs"], asked.out)


def draw(runs: Mapping[str, Any], out: Path) -> None:
    """Draw CPU time and memory of a frame in a panel for each thing that grows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.4), layout="constrained")
    for panel, (axis, label) in zip(figure.subplots(2, 2).flat, AXES.items(), strict=True):
        run = runs[axis]
        panel.plot(run["x"], run["step_ms"], "o-", color=BLUE)
        if "new_step_ms" in run:
            panel.plot(run["x"], run["new_step_ms"], "o:", color=BLUE, label="of a new session")
            panel.legend(loc="lower right", frameon=False)
        panel.set(xlabel=label, xlim=(0, None), ylim=(0, None))
        panel.set_ylabel("CPU time of a frame, ms", color=BLUE)
        memory = panel.twinx()
        memory.plot(run["x"], run["memory_kib"], "s--", color=ORANGE)
        memory.set_ylabel("memory of a session, KiB", color=ORANGE)
        memory.set_ylim(0, None)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main()
