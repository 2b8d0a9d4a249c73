"""Means and spreads over seeds, as numbers and as a table."""

import pytest

from maskstream_train.ablation.table import markdown, summary

RUNS = [{"AP": 0.1, "all_cosine": 0.5}, {"AP": 0.2}, {"AP": 0.3}]


def test_means_and_spreads_are_over_the_runs_that_have_the_number():
    numbers = summary({"full": RUNS})["full"]
    assert numbers["AP"]["mean"] == pytest.approx(0.2)
    assert numbers["AP"]["spread"] == pytest.approx(0.1)
    assert numbers["AP"]["values"] == [0.1, 0.2, 0.3]
    assert numbers["all_cosine"] == {"mean": 0.5, "spread": 0.0, "values": [0.5]}


def test_the_table_has_a_row_per_arm_and_a_dash_for_what_never_was():
    head, _, row = markdown(summary({"full": RUNS})).splitlines()
    cells = dict(zip(head.split(" | "), row.split(" | "), strict=True))
    assert cells["AP"] == "0.200 ± 0.100"
    assert cells["CS"] == "0.500 ± 0.000"
    assert cells["NED"] == "-"
    assert row.endswith("| 3 |")
