"""The Grafana dashboard of the deployment: its panels, and what their queries answer."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from support.prometheus import Prometheus

CHECKOUT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads(
    (CHECKOUT / "docker" / "grafana" / "dashboards" / "maskstream.json").read_text()
)
Panel = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """What a dashboard shows, in seconds; Grafana's `$__rate_interval` is `rate_s`."""

    begin_s: float
    end_s: float
    step_s: float
    rate_s: float


@dataclass(frozen=True)
class Line:
    """One series of a panel; `values` are NaN where Prometheus has nothing."""

    legend: str
    times_s: np.ndarray
    values: np.ndarray


def panels() -> Iterator[Panel]:
    """All panels that show something."""
    return (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def rows() -> Iterator[Panel]:
    """The headings between them."""
    return (panel for panel in DASHBOARD["panels"] if panel["type"] == "row")


def lines(panel: Panel, scraper: Prometheus, span: Span) -> list[Line]:
    """Ask all queries of a panel, as Grafana would."""
    found = []
    for target in panel["targets"]:
        query = target["expr"].replace("$__rate_interval", f"{span.rate_s:.0f}s")
        answers = scraper.query_range(query, span.begin_s, span.end_s, span.step_s)
        for series in answers:
            legend = _legend(target.get("legendFormat") or "", series["metric"])
            found.append(_line(legend, series["values"], span))
    return found


def _legend(form: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda name: labels.get(name[1], ""), form)


def _line(legend: str, pairs: list[tuple[float, str]], span: Span) -> Line:
    """Put a series on the grid of the span: where it was away, the line has a gap."""
    times_s = np.arange(span.begin_s, span.end_s + 0.001, span.step_s)
    values = np.full(len(times_s), np.nan)
    for at_s, text in pairs:
        values[round((float(at_s) - span.begin_s) / span.step_s)] = float(text)
    return Line(legend, times_s, values)
