"""The section of whole videos, and that of sessions, in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from page.conftest import Visit, frames_of_clip, write_film
from page.steps import start, wait_for, wait_until_drawn
from support.server import LiveServer, running_server

BOLD = "<b>own.mp4"
DROP = """() => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(['no video at all'], 'nothing.mp4'));
  const panel = document.querySelector('upload-panel');
  panel.dispatchEvent(new DragEvent('drop', { dataTransfer, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short video whose name would be bold if it were ever taken as HTML."""
    return write_film(tmp_path_factory.mktemp("film") / BOLD, "libx264", frames_of_clip(12), fps=5)


def test_an_upload_is_followed_played_and_downloaded(live: LiveServer, visit: Visit, film: Path):
    page = visit(f"{live.url}/#videos")
    page.locator("upload-panel input[type=file]").set_input_files(film)
    page.locator("video-list li").get_by_text("Done").wait_for()
    row = page.locator("video-list li")
    assert BOLD in row.inner_text()
    assert page.locator("main b b").count() == 0
    wait_for(page, "document.querySelector('video-view video').readyState >= 2")
    with page.expect_download() as download:
        page.get_by_role("button", name="overlay.mp4").click()
    with av.open(str(download.value.path())) as overlay:
        assert len(list(overlay.decode(video=0))) == 12
    page.get_by_role("button", name=f"Remove {BOLD}").click()
    page.get_by_text("No videos yet.").wait_for()


def test_what_is_dropped_and_no_video_is_refused_in_a_sentence(live: LiveServer, visit: Visit):
    page = visit(f"{live.url}/#videos")
    page.locator("upload-panel").wait_for()
    page.evaluate(DROP)
    page.locator("video-list li").get_by_text("Failed:").wait_for()


def test_a_session_of_one_tab_is_watched_in_another(live: LiveServer, visit: Visit):
    sender = visit(live.url)
    start(sender)
    viewer = visit(f"{live.url}/#sessions")
    viewer.get_by_role("button", name="Watch").first.click()
    wait_for(viewer, "document.querySelector('watched-session').table.records.size > 0")
    clock = viewer.locator("watched-session .clock")
    assert re.fullmatch(r"\d+:\d\d\.\d", clock.inner_text())
    assert viewer.get_by_role("slider", name="Look back in time").is_disabled()
    wait_until_drawn(viewer)
    sender.get_by_role("button", name="Stop").click()
    viewer.get_by_text("The session has ended.").wait_for()
