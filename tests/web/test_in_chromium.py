"""What only a browser has, in a real Chromium: its camera, canvases, workers and encoders."""

import base64
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import av
import pytest

from maskstream_drawing.painting import track_color
from support.javascript import ROOT
from support.server import running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
TIMEOUT_MS = 90_000
AT_THE_RIGHT_END = """() => {
  const canvas = document.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(canvas.width - 1, 5, 1, 1);
  return canvas.width > 300 && data.slice(0, 3).join() === COLOR;
}"""

NUM_GREYS = 24
ENCODE = """async ([codec, greys]) => {
  const { PacketEncoder } = await import('/clients/web/maskstream_web/client/index.js');
  if (!(await PacketEncoder.isSupported(codec, 160, 96))) return null;
  const encoder = new PacketEncoder({ codec, fps: 10, bitsPerPixel: 1 });
  const canvas = new OffscreenCanvas(161, 95);
  const context = canvas.getContext('2d');
  const units = [];
  for (const [index, grey] of greys.entries()) {
    context.fillStyle = `rgb(${grey} ${grey} ${grey})`;
    context.fillRect(0, 0, 161, 95);
    const { data, ...unit } = await encoder.encode(canvas, 100_000 * index);
    units.push({ ...unit, data: btoa(String.fromCharCode(...data)) });
  }
  encoder.close();
  return units;
}"""

STREAM = """async ([url, codec, count, cuts]) => {
  const client = await import('/clients/web/maskstream_web/client/index.js');
  if (!(await client.PacketEncoder.isSupported(codec, 160, 96))) return null;
  const sockets = [];
  const Spy = class extends WebSocket {
    constructor(...given) {
      super(...given);
      sockets.push(this);
    }
  };
  const encoder = new client.PacketEncoder({ codec, fps: 10 });
  const canvas = new OffscreenCanvas(160, 96);
  const context = canvas.getContext('2d');
  async function* pictures() {
    for (let index = 0; index < count; index += 1) {
      context.fillStyle = `rgb(${4 * index} 150 90)`;
      context.fillRect(0, 0, 160, 96);
      yield encoder.encode(canvas, 100_000 * index, stream.needsKeyFrame);
      if (cuts.includes(index)) sockets.at(-1).onclose({ code: 1006, reason: '' });
    }
  }
  const stream = new client.MaskstreamClient(url, { WebSocket: Spy }).stream(pictures());
  const sequences = [];
  for await (const result of stream) sequences.push(result.sequence);
  return { sequences, connections: sockets.length };
}"""

KEY = "a-key-of-another-origin"
USE_ALL = """async ([url, apiKey]) => {
  const client = await import('/clients/web/maskstream_web/client/index.js');
  const server = new client.MaskstreamClient(url, { apiKey });
  const canvas = new OffscreenCanvas(64, 48);
  canvas.getContext('2d').fillRect(0, 0, 64, 48);
  const sequences = [];
  for await (const { sequence } of server.stream([await client.encodeCanvas(canvas)])) {
    sequences.push(sequence);
  }
  const video = await server.videos.upload(new Blob(['no video at all']), { name: 'none.mp4' });
  const wrong = new client.MaskstreamClient(url, { apiKey: 'wrong' });
  const refused = await wrong.models().catch((error) => error.status);
  return { models: (await server.models()).length, sequences, name: video.name, refused };
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


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    driver = pytest.importorskip("playwright.sync_api", reason="there is no Playwright")
    options = [*FAKE_CAMERA, "--no-sandbox"]
    with driver.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield running
        running.close()


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page in which nothing may fail."""
    failures: list[str] = []
    opened = browser.new_page()
    opened.set_default_timeout(TIMEOUT_MS)
    opened.on("pageerror", lambda error: failures.append(str(error)))
    yield opened
    opened.close()
    assert failures == []


def test_masks_appear_over_the_camera(page: "Page"):
    with served_files() as origin, running_server(allowed_origins=origin) as live:
        page.goto(f"{origin}/examples/browser.html?server={live.ws_url}")
        page.wait_for_function("document.querySelector('p').textContent === 'open'")
        # The fake model's only track always reaches there, with its outline.
        color = ",".join(map(str, track_color(1)))
        page.wait_for_function(AT_THE_RIGHT_END.replace("COLOR", f"'{color}'"))
        assert live.metric("maskstream_results_total") > 0


@pytest.mark.parametrize("codec", ["vp9", "h264", "av1"])
def test_each_encoded_unit_shows_its_picture(page: "Page", codec: str):
    with served_files() as origin:
        page.goto(
            f"{origin}/clients/web/package.json"
        )  # Any file will do: it is the origin that counts.
        units = page.evaluate(ENCODE, [codec, [40 + 8 * index for index in range(NUM_GREYS)]])
    if units is None:
        pytest.skip(f"this Chromium does not encode {codec}")
    keys = {index for index, unit in enumerate(units) if unit["keyFrame"]}
    assert {0, 20} <= keys  # An encoder may make one more where much changes.
    assert len(keys) < 5
    assert {(unit["codec"], unit["width"], unit["height"]) for unit in units} == {(codec, 162, 96)}
    decoder = av.CodecContext.create("libdav1d" if codec == "av1" else codec, "r")
    decoder.flags |= av.codec.context.Flags.low_delay
    decoder.thread_count = 1
    for index, unit in enumerate(units):
        (picture,) = decoder.decode(av.Packet(base64.b64decode(unit["data"])))
        assert picture.to_ndarray(format="gray").mean() == pytest.approx(40 + 8 * index, abs=6)


@pytest.mark.parametrize("codec", ["vp9", "h264", "av1"])
def test_units_go_through_lost_connections(page: "Page", codec: str):
    with served_files() as origin, running_server(allowed_origins=origin) as live:
        page.goto(f"{origin}/clients/web/package.json")
        seen = page.evaluate(STREAM, [live.ws_url, codec, NUM_GREYS, [9, 17]])
    if seen is None:
        pytest.skip(f"this Chromium does not encode {codec}")
    assert seen == {"sequences": list(range(1, NUM_GREYS + 1)), "connections": 3}


def test_a_page_of_a_listed_origin_uses_tickets_uploads_and_models(page: "Page"):
    with (
        served_files() as origin,
        running_server(allowed_origins=origin, api_keys=KEY) as live,
    ):
        page.goto(f"{origin}/clients/web/package.json")
        used = page.evaluate(USE_ALL, [live.url, KEY])
    assert used == {"models": 1, "sequences": [1], "name": "none.mp4", "refused": 401}
