"""The report of every benchmark: runs, and ratios between runs of one report, as JSON."""

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

Run = dict[str, Any]
_MATRIX: Final = 1024
_SECRET: Final = ("api_key", "url", "store", "source", "bucket")
"""Options that may hold a password."""


@dataclass(frozen=True)
class Measured:
    """Measurements of a subject.

    Attributes:
        runs: by name; a measure is a number, a list over time, or a `spread`.
        ratios: of measures of two runs, `{"redis / memory": {"latency_ms": ...}}`.
    """

    runs: dict[str, Run]
    ratios: dict[str, dict[str, Any]] = field(default_factory=dict)


def report(subject: str, asked: Mapping[str, Any], measured: Measured) -> dict[str, Any]:
    """Return the report of a subject, fit for JSON."""
    options = {
        name: str(each) if isinstance(each, Path) else each
        for name, each in asked.items()
        if each is not None and each is not False and name not in _SECRET
    }
    return {
        "subject": subject,
        "maskstream": version("maskstream"),
        "machine": machine(),
        "asked": options,
        "runs": measured.runs,
        "ratios": measured.ratios,
    }


def text_of(report: Mapping[str, Any]) -> str:
    """Return a report as indented JSON."""
    return json.dumps(report, indent=2)


def spread(values: Sequence[float], unit: float = 1.0) -> dict[str, float | None]:
    """Return median, 95th percentile and largest of values times `unit`, and their number `n`."""
    if not values:
        return {"p50": None, "p95": None, "max": None, "n": 0}
    p50, p95, largest = (np.percentile(values, (50, 95, 100)) * unit).round(3).tolist()
    return {"p50": p50, "p95": p95, "max": largest, "n": len(values)}


def ratios(
    runs: Mapping[str, Run], measure: str, *pairs: tuple[str, str]
) -> dict[str, dict[str, Any]]:
    """Divide a measure of the first run of each pair by that of the second."""
    return {
        f"{one} / {other}": {measure: _quotient(runs[one][measure], runs[other][measure])}
        for one, other in pairs
    }


def _quotient(one: Any, other: Any) -> Any:
    if isinstance(one, dict):
        return {name: _quotient(one[name], other[name]) for name in ("p50", "p95")}
    return round(one / other, 3) if one is not None and other else None


def machine() -> dict[str, Any]:
    """Return facts of the machine on which figures depend."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
        "matrix_gflop_s": _matrix_gflop_s(),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _matrix_gflop_s() -> float:
    """Return how fast two float32 matrices are multiplied: the median of a few times."""
    left, right = np.random.default_rng(0).random((2, _MATRIX, _MATRIX), np.float32)
    took_s = []
    for _ in range(5):
        began_s = time.perf_counter()
        left @ right
        took_s.append(time.perf_counter() - began_s)
    return round(2 * _MATRIX**3 / median(took_s) / 1e9, 1)
