"""Curves in the report of a run."""

import re

from maskstream_train.own_classes.report import HEIGHT, WIDTH, svg


def test_a_curve_is_a_line_and_a_single_measurement_a_dot_inside_the_picture():
    drawn = svg("AP50", {"AP50": [(50, 0.2), (100, 0.4)], "AP50_any": [(100, 0.8)]})
    assert (drawn.count("<polyline"), drawn.count("<circle")) == (1, 1)
    x, y = (float(number) for number in re.findall(r'c[xy]="([^"]+)"', drawn))
    assert 0 < x < WIDTH
    assert 0 < y < HEIGHT
    assert ">AP50, classes aside<" in drawn


def test_without_a_measurement_there_is_no_curve():
    assert svg("loss", {"loss": []}) == ""
