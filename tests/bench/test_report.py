"""The one shape of all reports."""

import json
from pathlib import Path

import pytest

from maskstream_bench.report import Measured, ratios, report, spread


def test_a_spread_has_median_95th_percentile_and_largest_in_the_wanted_unit():
    assert spread([0.001 * each for each in range(101)], 1e3) == {
        "p50": 50,
        "p95": 95,
        "max": 100,
        "n": 101,
    }
    assert spread([]) == {"p50": None, "p95": None, "max": None, "n": 0}


def test_ratios_divide_numbers_and_spreads():
    runs = {"a": {"s": 3.0, "ms": spread([4.0])}, "b": {"s": 2.0, "ms": spread([8.0])}}
    assert ratios(runs, "s", ("a", "b")) == {"a / b": {"s": 1.5}}
    assert ratios(runs, "ms", ("a", "b")) == {"a / b": {"ms": {"p50": 0.5, "p95": 0.5}}}


def test_what_nothing_can_be_divided_by_has_no_ratio():
    runs = {"a": {"ms": spread([4.0])}, "none": {"ms": spread([])}}
    assert ratios(runs, "ms", ("a", "none")) == {"a / none": {"ms": {"p50": None, "p95": None}}}


@pytest.mark.parametrize("name", ["api_key", "url", "store", "source", "bucket"])
def test_options_that_may_hold_a_password_are_left_out(name: str):
    asked = {name: "secret", "video": Path("a.mp4"), "step_ms": 0.0, "fps": None, "flat": False}
    text = json.dumps(report("live", asked, Measured({})))
    assert json.loads(text)["asked"] == {"video": "a.mp4", "step_ms": 0.0}
    assert "secret" not in text
