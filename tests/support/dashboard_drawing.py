"""Draws the dashboard's panels with matplotlib, in Grafana's layout; it is not Grafana."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, MultipleLocator
from PIL import Image

from support.dashboard import DASHBOARD, Line, Panel, rows

CELL_IN = 0.30
COLUMN_IN = 0.62
COLUMNS = 24
HEAD_CELLS = 2
DPI = 100
GROUND, CARD, EDGE, TEXT, FAINT = "#111217", "#181b1f", "#2c3035", "#d8d9da", "#8e8e8e"
COLORS = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c"}
PALETTE = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0")
LEGEND_CHARS = 84
"""How many letters of a legend fit into a line below a panel."""
BINARY = ("", "Ki", "Mi", "Gi", "Ti")


def draw(shown: Mapping[int, Sequence[Line]], marks: Mapping[float, str], path: Path) -> None:
    """Write a picture of the dashboard.

    Args:
        shown: for each panel, by its id, the answers of its queries.
        marks: what happened, by time in seconds.
        path: a PNG.
    """
    height = HEAD_CELLS + max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in _all())
    size = (COLUMNS * COLUMN_IN, height * CELL_IN)
    figure = Figure(figsize=size, dpi=DPI, facecolor=GROUND)
    _head(figure, marks, height)
    for row in rows():
        at = row["gridPos"]
        y = 1 - (at["y"] + HEAD_CELLS + 0.65) / height
        figure.text(0.008, y, f"▾ {row['title']}", color=TEXT, fontsize=11, weight="bold")
    for panel in _all():
        if panel["type"] == "stat":
            _stat(_card(figure, panel, height), panel, shown[panel["id"]])
        elif panel["type"] == "timeseries":
            _timeseries(_card(figure, panel, height), panel, shown[panel["id"]], marks)
    figure.savefig(path)
    _few_colors(path)


def _all() -> list[Panel]:
    return DASHBOARD["panels"]


def _head(figure: Figure, marks: Mapping[float, str], height: int) -> None:
    legend = "; ".join(f"{label} {word}" for label, word in _labels(marks).values())
    figure.text(0.008, 1 - 0.85 / height, DASHBOARD["title"], color=TEXT, fontsize=16)
    figure.text(
        0.1,
        1 - 0.8 / height,
        "Drawn with matplotlib from this dashboard's own queries to a real Prometheus; not a "
        f"screenshot of Grafana.\nDashed lines: {legend}.",
        color=FAINT,
        fontsize=9,
        va="center",
    )


def _labels(marks: Mapping[float, str]) -> dict[float, tuple[str, str]]:
    return {at: ("ABCDEFGH"[index], marks[at]) for index, at in enumerate(sorted(marks))}


def _card(figure: Figure, panel: Panel, height: int) -> Axes:
    """Draw a panel's frame and title; return the axes of its inside."""
    at, gap = panel["gridPos"], 0.12
    left, width = (at["x"] + gap) / COLUMNS, (at["w"] - 2 * gap) / COLUMNS
    top, tall = at["y"] + HEAD_CELLS + gap, at["h"] - 2 * gap
    card = figure.add_axes((left, 1 - (top + tall) / height, width, tall / height), facecolor=CARD)
    card.set(xticks=[], yticks=[])
    for spine in card.spines.values():
        spine.set_color(EDGE)
    figure.text(left + 0.005, 1 - (top + 0.75) / height, panel["title"], color=TEXT, fontsize=9)
    is_stat = panel["type"] == "stat"
    inner_left, inner_width = (0.0, 1.0) if is_stat else (0.125, 0.855)
    bottom, inner_height = (0.0, 0.35) if is_stat else (0.27, 0.58)
    inside = figure.add_axes(
        (
            left + inner_left * width,
            1 - (top + tall * (1 - bottom)) / height,
            inner_width * width,
            inner_height * tall / height,
        ),
        facecolor="none",
    )
    for spine in inside.spines.values():
        spine.set_visible(False)
    return inside


def _stat(axes: Axes, panel: Panel, shown: Sequence[Line]) -> None:
    """The last value in the color of its threshold, above a small curve."""
    axes.set(xticks=[], yticks=[])
    values = shown[0].values if shown else np.zeros(0)
    known = values[~np.isnan(values)]
    if not known.size:
        return
    defaults, last = panel["fieldConfig"]["defaults"], float(known[-1])
    steps = defaults["thresholds"]["steps"]
    passed = [step for step in steps if step["value"] is None or last >= step["value"]]
    color = COLORS[passed[-1]["color"]]
    axes.fill_between(np.arange(len(values)), 0, values, color=color, alpha=0.25, linewidth=0)
    axes.plot(values, color=color, linewidth=1)
    axes.set_ylim(0, max(1e-9, 1.1 * float(known.max())))
    text = formatter(defaults["unit"])(last)
    axes.text(0.5, 1.55, text, color=color, fontsize=22, ha="center", transform=axes.transAxes)


def _timeseries(
    axes: Axes, panel: Panel, shown: Sequence[Line], marks: Mapping[float, str]
) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    style = defaults["custom"]
    base = np.zeros(len(shown[0].values)) if shown else np.zeros(0)
    for index, line in enumerate(shown):
        color, values = PALETTE[index % len(PALETTE)], line.values
        below = np.zeros_like(values)
        if style["stacking"]["mode"] == "normal":
            below, values = base, base + np.nan_to_num(values)
            base = values
        axes.plot(line.times_s, values, color=color, linewidth=1.1, label=line.legend)
        alpha = style["fillOpacity"] / 100
        axes.fill_between(line.times_s, below, values, color=color, alpha=alpha, linewidth=0)
    _scale(axes, defaults, shown)
    for at, (label, _) in _labels(marks).items():
        axes.axvline(at, color=FAINT, linewidth=0.7, linestyle="--")
        axes.text(
            at,
            1.0,
            label,
            color=FAINT,
            fontsize=6.5,
            ha="center",
            va="bottom",
            transform=axes.get_xaxis_transform(),
        )
    _legend(axes, shown)


def _scale(axes: Axes, defaults: Panel, shown: Sequence[Line]) -> None:
    if shown:
        begin, end = shown[0].times_s[0], shown[0].times_s[-1]
        minutes = np.arange(begin, end + 1, 60)
        axes.set_xlim(begin, end)
        axes.set_xticks(minutes, [f"{round((each - begin) / 60)} min" for each in minutes])
    axes.set_ylim(bottom=defaults.get("min", 0), top=defaults.get("max"))
    if axes.get_ylim()[1] < 1e-6 or not _any_above_zero(shown):
        axes.set_ylim(0, 1)
    write = formatter(defaults["unit"])
    axes.yaxis.set_major_locator(_ticks(defaults["unit"], axes.get_ylim()[1]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))
    axes.tick_params(colors=FAINT, labelsize=7, length=0)
    axes.grid(color=EDGE, linewidth=0.6)


def _ticks(unit: str, largest: float) -> Locator:
    """Round numbers; of bytes they are multiples of powers of two."""
    if unit not in ("bytes", "Bps"):
        return MaxNLocator(4)
    return MultipleLocator(2.0 ** np.ceil(np.log2(largest / 5)))


def _any_above_zero(shown: Sequence[Line]) -> bool:
    return any(np.nan_to_num(line.values).max(initial=0) > 0 for line in shown)


def _legend(axes: Axes, shown: Sequence[Line]) -> None:
    """Names below the curves, as many as there is room for, those with the largest values first."""
    order = sorted(range(len(shown)), key=lambda index: -np.nansum(shown[index].values))
    names = [shown[index].legend or "value" for index in order]
    num_columns = max(1, min(4, LEGEND_CHARS // (max(map(len, names), default=0) + 5)))
    room = 2 * num_columns
    if len(names) > room:
        names = [*names[: room - 1], f"and {len(names) - room + 1} more"]
    axes.legend(
        [axes.lines[index] for index in order[: len(names)]],
        names,
        loc="upper left",
        bbox_to_anchor=(-0.13, -0.13),
        ncol=num_columns,
        frameon=False,
        fontsize=6.5,
        labelcolor=TEXT,
        handlelength=1.0,
        columnspacing=0.9,
        handletextpad=0.4,
        borderaxespad=0.0,
        labelspacing=0.25,
    )


def formatter(unit: str) -> Callable[[float], str]:
    """Return what writes numbers of one of Grafana's units."""
    if unit == "bool_yes_no":
        return lambda value: "Yes" if value else "No"
    if unit in ("bytes", "Bps"):
        return lambda value: _bytes(value) + "/s" * (unit == "Bps")
    if unit == "s":
        return _seconds
    if unit == "percentunit":
        return lambda value: f"{100 * value:.3g}%"
    return lambda value: f"{value:.3g}" + " req/s" * (unit == "reqps")


def _bytes(value: float) -> str:
    power = 0
    while abs(value) >= 1024 and power + 1 < len(BINARY):
        value, power = value / 1024, power + 1
    return f"{value:.3g} {BINARY[power]}B"


def _seconds(value: float) -> str:
    if value == 0 or np.isnan(value):
        return "0 s"
    if abs(value) < 1e-3:
        return f"{1e6 * value:.3g} µs"
    return f"{1000 * value:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"


def _few_colors(path: Path) -> None:
    """Make the file a third of its size; the picture has few colors anyhow."""
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(128).save(path, optimize=True)
