"""A server that is killed under the page: it says so, resumes by itself, and identities stay."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from page.conftest import Visit
from page.steps import saved, start, wait_for
from support.redis_server import redis_binary

DEMO = Path(__file__).resolve().parents[2] / "scripts" / "demo_failover.py"
CAMERA_FRAMES = 1
"""The same picture for ever: what is on it stays."""


@contextmanager
def failover_demo(*options: str) -> Iterator["subprocess.Popen[str]"]:
    """What `make demo-failover` runs; its address is the first thing that it says."""
    binary = redis_binary()
    if binary is None:
        pytest.skip("no redis-server: neither on PATH nor named by MASKSTREAM_REDIS_SERVER")
    command = [sys.executable, str(DEMO), "--redis", binary, "--port", "0", "--no-open", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        try:
            yield demo
        finally:
            demo.terminate()


def said(demo: "subprocess.Popen[str]", pattern: str) -> str:
    """Wait for a line like this."""
    assert demo.stdout is not None
    for line in demo.stdout:
        if found := re.search(pattern, line):
            return found[0]
    raise AssertionError(f"it ended without saying {pattern}")


def test_the_identities_on_a_page_outlive_the_server_that_gave_them(visit: Visit):
    """With the real model, a real store and real processes, before a camera that stands still."""
    with failover_demo("--every", "30") as demo:
        page = visit(said(demo, r"http://[\d.:]+"))
        page.get_by_label("Coding of frames sent").select_option("Video")
        start(page, "Camera")
        page.locator("track-list li").nth(1).wait_for()
        page.get_by_text("sent as VP9").wait_for()
        before = saved(page)
        said(demo, "Killed")
        page.get_by_text(re.compile("resumed 1 ")).wait_for()
        resumed_s = max(track["to_s"] for track in saved(page))
        wait_for(page, f"Number(document.querySelector('time-line input').value) > {resumed_s + 2}")
        page.get_by_text("sent as VP9").wait_for()
        after = saved(page)
    assert {track["track_id"] for track in before} == {track["track_id"] for track in after}
    assert all(not track["ended"] and track["to_s"] > resumed_s for track in after)
