"""The live section in a real browser: sources, masks, tracks, time line, files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from page.conftest import Visit, frames_of_clip, write_film
from support.server import LiveServer, running_server
from support.serving import server_processes

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZE = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    with running_server() as server:
        yield server


def start(page: "Page", source: str = "Sample clip") -> None:
    """Choose a source, press the button, and wait until something was found."""
    page.get_by_role("radio", name=source).check(force=True)
    page.get_by_role("button", name="Start").click()
    page.locator("track-list li").first.wait_for()


def seen(page: "Page") -> list[dict]:
    """What the page saves of the tracks so far."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save JSON").click()
    return json.loads(Path(download.value.path()).read_text())["tracks"]


def drawn_colours(page: "Page") -> int:
    """How many pixels of the stage are clearly not grey, as no pixel of the clip is."""
    return page.evaluate(
        """() => {
          const stage = document.querySelector('mask-stage canvas');
          const { data } = stage.getContext('2d').getImageData(0, 0, stage.width, stage.height);
          let count = 0;
          for (let at = 0; at < data.length; at += 4) {
            const [red, green, blue] = data.subarray(at, at + 3);
            if (Math.max(red, green, blue) - Math.min(red, green, blue) > 120) count += 1;
          }
          return count;
        }"""
    )


def test_the_sample_clip_is_one_click_away_and_its_masks_are_drawn(live: LiveServer, visit: Visit):
    page = visit(live.url)
    start(page)
    assert "1  thing" in page.locator("track-list").inner_text()
    page.wait_for_function("document.querySelector('.state').dataset.state === 'open'")
    page.wait_for_function("document.querySelector('health-bar').textContent.includes(' ms')")
    assert drawn_colours(page) > 1000
    page.get_by_role("button", name="Hide track 1").click()
    page.wait_for_timeout(500)
    assert drawn_colours(page) == 0
    (track,) = seen(page)
    assert (track["track_id"], track["label"]) == (1, "thing")
