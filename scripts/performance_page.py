"""Measures this machine and writes the measured part of docs/performance.md, with its CPU's name.

    python scripts/performance_page.py --folder bench-out

Each report of `maskstream bench` is a file of the folder; those that are there already are not
measured again, so that a run that broke off continues. The record of `make bench-check` and
docs/images/growth.png are written, too.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, PICTURE = DOCS / "performance.md", DOCS / "images/growth.png"
RATIOS = DOCS / "performance-ratios.json"
BEGIN, END = "<!-- measured: scripts/performance_page.py -->\n", "<!-- end -->\n"
REPORTS: Mapping[str, Sequence[str]] = {
    "engine": ("engine", "--rounds", "7"),
    "check": ("check", str(RATIOS), "--record"),
    "growth": ("growth", "--rounds", "3", "--frames", "200"),
    "overhead-5": ("overhead", "--frames", "60", "--objects", "5"),
    "overhead-100": ("overhead", "--frames", "60", "--objects", "100"),
}
"""Commands by the names of their reports."""
AXES = {
    "tracks": ("tracks of a session", "track"),
    "sessions": ("sessions, up to eight in a step", "session"),
    "megapixels": ("megapixels of a frame", "megapixel"),
    "length": ("frames since the session began", "frame"),
}
"""What grows, and one of it."""
BLUE, ORANGE = "#1f6fb4", "#c8640a"
Report = Mapping[str, Any]


def main() -> None:
    """Measure what has no report yet, then write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="of the reports")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    reports = {name: report(folder / f"{name}.json", asked) for name, asked in REPORTS.items()}
    draw(reports["growth"]["runs"], PICTURE)
    day = datetime.fromtimestamp((folder / "check.json").stat().st_mtime, UTC).date()
    PAGE.write_text(with_measured(PAGE.read_text(), text_of(reports, day.isoformat())))


def report(path: Path, asked: Sequence[str]) -> Report:
    """Return a report, measured first where it is not there."""
    if not path.exists():
        maskstream = Path(sys.executable).with_name("maskstream")
        command = [str(maskstream), "bench", *asked, "--out", str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: Report = json.loads(path.read_text())
    return found


def with_measured(page: str, text: str) -> str:
    """Return a page with its measured part replaced; ValueError where it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("the page has no measured part")
    return before + begin + text + end + after


def text_of(reports: Mapping[str, Report], day: str) -> str:
    """Return the measured part."""
    machine = reports["check"]["machine"]
    cpu, cores, load = machine["cpu"], machine["cores"], round(machine["load_1m"])
    head = (
        f"{cpu}, {cores} cores, load {load} of other programs, {day}. All figures are CPU time, "
        "which other load changes less than time.\n"
    )
    parts = [_parts(reports["engine"]), _ratios(reports["check"]), _growth(reports["growth"])]
    return "\n".join([head, *parts, _overhead(reports)])


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def _parts(found: Report) -> str:
    run = found["runs"]["this"]
    rows = [[name[:-3], each["p50"]] for name, each in run.items() if name.endswith("_ms")]
    rows.append(["segmenter, in products of 1024x1024", run["segmenter_products"]])
    return "`maskstream bench engine --rounds 7`:\n\n" + _table(
        ["part of a step, one thread", "ms"], rows
    )


def _ratios(found: Report) -> str:
    head = "`maskstream bench check`, fixed work over the part, as `make bench-check` compares it:"
    layers, product = found["runs"]["layers"], found["runs"]["product"]
    rows = [[name, ratio, product[name]] for name, ratio in layers.items()]
    return f"{head}\n\n" + _table(["part", "layers of torch", "product of 1024x1024"], rows)


def _growth(found: Report) -> str:
    runs, rows = found["runs"], []
    for axis, (label, one) in AXES.items():
        run = runs[axis]
        ends = [f"{run[name][0]:.1f} to {run[name][-1]:.1f}" for name in ("step_ms", "memory_kib")]
        slopes = [f"{run[f'{name}_per_x']:.3g} a {one}" for name in ("step_ms", "memory_kib")]
        xs = f"{run['x'][0]:g} to {run['x'][-1]:g}"
        rows.append([label, xs, ends[0], slopes[0], ends[1], slopes[1]])
    head = ["what grows", "from, to", "ms a frame", "slope", "KiB a session", "slope"]
    return (
        "`maskstream bench growth --rounds 3 --frames 200`:\n\n"
        + _table(head, rows)
        + f"\nA long session's step takes {runs['length']['long / new']} of a new one's. All "
        f"sessions grew the process by {runs['sessions']['resident_mib_of_all']} MiB.\n\n"
        "![CPU time and memory of a frame against what grows](images/growth.png)\n"
    )


def _overhead(reports: Mapping[str, Report]) -> str:
    few, many = (reports[f"overhead-{n}"]["runs"] for n in (5, 100))
    rows = [[masks, few[masks]["server_cpu_ms"], many[masks]["server_cpu_ms"]] for masks in few]
    return (
        "`maskstream bench overhead --frames 60`, all but the model, CPU of the server in "
        "milliseconds for a JPEG frame of 640x360:\n\n"
        + _table(["masks", "5 objects (`--objects 5`)", "100 objects"], rows)
    )


def draw(runs: Report, out: Path) -> None:
    """Draw CPU time and memory of a frame in a panel for each thing that grows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.4), layout="constrained")
    for panel, (axis, (label, _)) in zip(figure.subplots(2, 2).flat, AXES.items(), strict=True):
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
