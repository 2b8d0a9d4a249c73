"""The picture of the dashboard shows every panel of the file that Grafana is given."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from support.dashboard import DASHBOARD, Line, Span, lines, panels


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    """Imported here: matplotlib takes a second of every test run that does not draw."""
    return importlib.import_module("support.dashboard_drawing")


TIMES_S = np.arange(0.0, 60.0, 5.0)


class CannedPrometheus:
    """Answers every query with one series that begins late."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def query_range(self, expression: str, begin_s: float, end_s: float, step_s: float) -> list:
        self.asked.append(expression)
        values = [[begin_s + 2 * step_s, "3"], [end_s, "5"]]
        return [{"metric": {"stage": "decode", "instance": "a"}, "values": values}]


def test_every_query_is_asked_over_the_span_with_grafanas_interval_and_legend():
    scraper = CannedPrometheus()
    found = {
        panel["title"]: lines(panel, scraper, Span(100.0, 120.0, 5.0, 20.0)) for panel in panels()
    }
    assert len(scraper.asked) == sum(len(panel["targets"]) for panel in panels())
    assert not any("$__" in query for query in scraper.asked)
    assert sum("[20s]" in query for query in scraper.asked) > 10
    assert found["Latency by part, mean"][0].legend == "decode"
    np.testing.assert_array_equal(found["Live sessions"][0].values, [np.nan, np.nan, 3, np.nan, 5])


@pytest.mark.parametrize("answered", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_picture_has_the_shape_of_the_dashboard_with_and_without_data(
    drawing: ModuleType, tmp_path: Path, answered: bool
):
    line = Line("decode", TIMES_S, np.linspace(0, 3000, len(TIMES_S)))
    shown = {panel["id"]: [line] * answered for panel in panels()}
    path = tmp_path / "dashboard.png"
    drawing.draw(shown, {30.0: "something"}, path)
    with Image.open(path) as picture:
        width, height = picture.size
        assert len(picture.getcolors(256)) > 10
    rows = 2 + max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in DASHBOARD["panels"])
    assert height / width == pytest.approx(rows * 0.30 / (24 * 0.62), rel=0.01)


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("s", 0.0123, "12.3 ms"),
        ("s", 2.5, "2.5 s"),
        ("bytes", 3 * 1024**2, "3 MiB"),
        ("Bps", 512, "512 B/s"),
        ("percentunit", 0.034, "3.4%"),
        ("reqps", 20, "20 req/s"),
        ("bool_yes_no", 1, "Yes"),
    ],
)
def test_units_are_written_as_grafana_writes_them(
    drawing: ModuleType, unit: str, value: float, text: str
):
    assert drawing.formatter(unit)(value) == text
