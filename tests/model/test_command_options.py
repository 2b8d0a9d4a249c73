"""Sizes on the command line."""

import click
import pytest

from maskstream_model.command_options import FrameSize


@pytest.mark.parametrize(
    ("text", "size"),
    [("448x256", (256, 448)), ("8192x8192", (8192, 8192)), ("67108864x1", (1, 2**26))],
)
def test_a_size_is_height_and_width(text, size):
    assert FrameSize().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["448", "x256", "-1x5", "448x256x3", "²x3", "9" * 19 + "x1"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(click.BadParameter, match=r"is no WIDTHxHEIGHT such as 448x256$"):
        FrameSize().convert(text, None, None)


@pytest.mark.parametrize("text", ["0x0", "448x0", "8192x8193", "1000000x1000000"])
def test_a_size_that_no_frame_has_is_refused(text):
    with pytest.raises(click.BadParameter, match=f"^'{text}': a frame has 1 to 67108864 pixels$"):
        FrameSize().convert(text, None, None)
