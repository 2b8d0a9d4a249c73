"""Results of several seeds as mean and spread, as JSON and as a table in Markdown."""

import statistics
from collections.abc import Mapping, Sequence

Runs = Sequence[Mapping[str, float]]
Summary = Mapping[str, Mapping[str, Mapping[str, float | list[float]]]]

COLUMNS = {
    "emergence recall": "emergence_recall",
    "disappearance recall": "disappearance_recall",
    "AP": "AP",
    "AP emerging": "AP_emerging",
    "AP disappearing": "AP_disappearing",
    "AP either": "AP_either",
    "CS": "all_cosine",
    "NED": "all_distance",
}
"""Heads of the table and the numbers below them; see `measure`. AP leaves classes aside."""


def summary(results: Mapping[str, Runs]) -> Summary:
    """Return mean, spread (sample standard deviation, 0 of one) and values of every number."""
    return {
        arm: {
            name: _spread([run[name] for run in runs if name in run])
            for name in sorted({name for run in runs for name in run})
        }
        for arm, runs in results.items()
    }


def _spread(values: list[float]) -> dict[str, float | list[float]]:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": statistics.fmean(values), "spread": spread, "values": values}


def markdown(arms: Summary) -> str:
    """Return a table with a row per arm, mean ± spread over its seeds; CS, NED as in Table A3."""
    heads = ["", *COLUMNS, "seeds"]
    lines = [heads, ["---"] * len(heads)]
    for arm, numbers in arms.items():
        cells = [_cell(numbers.get(name)) for name in COLUMNS.values()]
        seeds = max(len(_values(number)) for number in numbers.values())
        lines.append([arm, *cells, str(seeds)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(number: Mapping[str, float | list[float]] | None) -> str:
    return "-" if number is None else f"{number['mean']:.3f} ± {number['spread']:.3f}"


def _values(number: Mapping[str, float | list[float]]) -> list[float]:
    values = number["values"]
    assert isinstance(values, list)
    return values
