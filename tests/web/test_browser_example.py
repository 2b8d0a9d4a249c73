"""The example for browsers in a real Chromium, whose camera shows a test picture."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from maskstream_drawing.painting import track_color
from support.javascript import ROOT
from support.server import running_server

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
TIMEOUT_MS = 90_000
AT_THE_RIGHT_END = """() => {
  const canvas = document.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(canvas.width - 1, 5, 1, 1);
  return canvas.width > 300 && data.slice(0, 3).join() === COLOR;
}"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


class Quiet(SimpleHTTPRequestHandler):
    """The repository's files, without a word in the log."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript"}

    def log_message(self, format, *args):
        pass


@contextmanager
def served_files() -> Iterator[str]:
    """The address of the repository's files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(ROOT)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_masks_appear_over_the_camera():
    driver = pytest.importorskip("playwright.sync_api", reason="there is no Playwright")
    with (
        served_files() as origin,
        running_server(allowed_origins=origin) as live,
        driver.sync_playwright() as playwright,
    ):
        options = [*FAKE_CAMERA, "--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(f"{origin}/examples/browser.html?server={live.ws_url}")
        page.wait_for_function("document.querySelector('p').textContent === 'open'")
        # The fake model's only track always reaches there, with its outline.
        color = ",".join(map(str, track_color(1)))
        page.wait_for_function(AT_THE_RIGHT_END.replace("COLOR", f"'{color}'"))
        assert live.metric("maskstream_results_total") > 0
        assert failures == []
        browser.close()
