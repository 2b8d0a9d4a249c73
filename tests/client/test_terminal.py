"""Words from elsewhere on a terminal."""

import json

import pytest
from rich.console import Console

from maskstream_client.terminal import printable, printable_json
from maskstream_client.video_record import Video
from maskstream_client.videos.progress_bars import ProgressBars

ODD = "a\x1b[31m\r\n\x9b\u202e\udcff.mp4"


def test_what_is_not_printed_is_written_as_an_escape():
    assert printable("Straße 東京 [bold] é.mp4") == "Straße 東京 [bold] é.mp4"
    assert printable(ODD) == r"a\x1b[31m\r\n\x9b\u202e\udcff.mp4"


def test_json_for_a_terminal_is_the_same_value():
    output = printable_json({"name": [ODD, "東京"]})
    assert json.loads(output) == {"name": [ODD, "東京"]}
    assert "東京" in output
    assert all(line.isprintable() for line in output.split("\n"))


@pytest.mark.parametrize("name", [ODD, "[red]x[/red].mp4", "[/].mp4"])
def test_names_in_bars_are_neither_markup_nor_control(name):
    console = Console(record=True, width=200, force_terminal=False)
    with ProgressBars(console) as bars:
        bars.downloaded(name, 5, 10)
        bars.worked(Video("1", name, "running"))
    assert f"Downloading {printable(name)}" in console.export_text()
