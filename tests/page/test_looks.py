"""What everybody needs of the page: a phone's size, keyboard, screen reader, calm and dark."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from page.conftest import Visit
from page.steps import start, wait_for
from support.server import LiveServer, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Page

WEB = Path(__file__).resolve().parents[2] / "clients" / "web"
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
GRAVE = ("serious", "critical")
SHIFTS = """() => {
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
}"""


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    with running_server() as server:
        yield server


def faults(page: "Page") -> list[str]:
    """Return what axe-core finds that keeps people out."""
    if not AXE.is_file():
        pytest.skip("no axe-core: npm ci --prefix clients/web")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    grave = [each for each in found if each["impact"] in GRAVE]
    return [json.dumps([each["id"], [node["html"] for node in each["nodes"]]]) for each in grave]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_section(live: LiveServer, visit: Visit, scheme: str):
    page = visit(live.url, color_scheme=scheme)
    start(page)
    assert faults(page) == []
    for section in ("Videos", "Sessions"):
        page.get_by_role("link", name=section).click()
        page.wait_for_timeout(300)
        assert faults(page) == []


@pytest.mark.parametrize("options", [PHONE, {}], ids=["phone", "desk"])
def test_nothing_is_wider_than_the_screen(live: LiveServer, visit: Visit, options: dict):
    page = visit(live.url, **options)
    start(page)
    for section in ("live", "videos", "sessions"):
        page.evaluate(f"location.hash = '{section}'")
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_on_a_phone_buttons_are_as_large_as_a_finger(live: LiveServer, visit: Visit):
    page = visit(live.url, **PHONE)
    start(page)
    assert page.get_by_role("button", name="Stop").bounding_box()["height"] >= 44


def test_a_stream_is_started_and_a_track_hidden_by_keyboard_alone(live: LiveServer, visit: Visit):
    page = visit(live.url)
    page.get_by_role("button", name="Start").wait_for()
    names = []
    while "Start" not in names[-1:]:
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent"))
        assert len(names) < 30
    page.keyboard.press("Enter")
    hide = page.get_by_role("button", name="Hide track 1")
    hide.wait_for()
    hide.focus()
    page.keyboard.press("Space")
    wait_for(page, "document.querySelector('track-list li.is-hidden') !== null")


def test_the_layout_does_not_jump_while_a_stream_starts(live: LiveServer, visit: Visit):
    page = visit(live.url)
    page.get_by_role("button", name="Start").wait_for()
    page.evaluate(SHIFTS)
    start(page)
    page.wait_for_timeout(1500)
    assert page.evaluate("window.shift") < 0.02
