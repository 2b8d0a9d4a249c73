"""Sizes on the command line."""

import click
import pytest

from maskstream_model.frame_size import FrameSize


def test_a_size_is_height_and_width():
    assert FrameSize().convert("448x256", None, None) == (256, 448)


@pytest.mark.parametrize("text", ["0x0", "448x0", "448", "x256", "-1x5", "448x256x3"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(click.BadParameter, match=r"WIDTHxHEIGHT|at least 1"):
        FrameSize().convert(text, None, None)
