"""What a visitor does on the page, and what is seen there."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PATIENCE_S = 60.0
COUNT_COLOURS = """() => {
  const stage = document.querySelector('mask-stage canvas');
  const { data } = stage.getContext('2d').getImageData(0, 0, stage.width, stage.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue] = data.subarray(at, at + 3);
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > 120) count += 1;
  }
  return count;
}"""


def find(page: "Page", source: str) -> "Locator":
    """Return the radio button of a source."""
    return page.get_by_role("radio", name=source)


def start(page: "Page", source: str = "Sample clip") -> None:
    """Choose a source, press the button, and wait until something was found."""
    find(page, source).check(force=True)
    page.get_by_role("button", name="Start").click()
    page.locator("track-list li").first.wait_for()


def wait_for(page: "Page", condition: str) -> None:
    """Wait until an expression of JavaScript holds; the page's policy permits no `eval` in it."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(f"() => Boolean({condition})"):
        assert time.monotonic() < deadline, f"not met in time: {condition}"
        page.wait_for_timeout(100)


def saved(page: "Page") -> list[dict[str, Any]]:
    """Return what the page saves of the tracks so far."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save JSON").click()
    return json.loads(Path(download.value.path()).read_text())["tracks"]


def wait_until_drawn(page: "Page") -> None:
    """Wait until masks are on the stage: many pixels that are far from grey, unlike the clip's."""
    wait_for(page, f"({COUNT_COLOURS})() > 1000")


def wait_until_plain(page: "Page") -> None:
    """Wait until no mask and no label is on the stage."""
    wait_for(page, f"({COUNT_COLOURS})() === 0")
