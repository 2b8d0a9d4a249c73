"""Measures how often Chromium redraws the page's stage: 30 objects on pictures of 1280x720.

Needs `pip install '.[web]'` and Chromium. Prints one line of JSON. Each redraw colours all masks,
draws another picture, the masks and 30 labels. `main_ms` is the CPU time of the page's main thread
for one redraw, `cpu_ms` that of all of Chromium: where they are below 16 and 33, two cores that do
nothing else can redraw 60 times a second, also when this machine, being busy, has shown fewer.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))
SECONDS = 5
SIZE = {"width": 1720, "height": 1200}
MEASURE = """async (seconds) => {
  const { Stage } = await import('./page/live/stage.js');
  const { composeLabels } = await import('./page/live/labels.js');
  const [width, height] = [1280, 720];
  const tracks = [];
  const crops = [];
  for (let id = 1; id <= 30; id += 1) {
    const [x0, y0, side] = [((id * 197) % 1080), ((id * 131) % 520), 120 + ((id * 37) % 80)];
    const data = new Uint8Array(side * side).map((_, at) =>
      Number(Math.hypot((at % side) - side / 2, Math.floor(at / side) - side / 2) < side / 2));
    crops.push({ x0, y0, width: side, height: side, data });
    const box = [x0, y0, x0 + side, y0 + side];
    tracks.push({ key: `1:${id}`, id, label: 'object', score: 0.9, status: 'tracked', box });
  }
  const view = { index: 0, timeS: 0, width, height, tracks, latency: null,
    labels: composeLabels(width, height, crops) };
  const shown = new Stage();
  document.body.replaceChildren(shown);
  shown.style.cssText = 'position: fixed; width: 1280px; height: 720px; top: 0; left: 0';
  const source = new OffscreenCanvas(width, height);
  const pen = source.getContext('2d');
  const redraw = (count) => {
    pen.fillStyle = `hsl(${count} 40% 40%)`;
    pen.fillRect(0, 0, width, height);
    shown.picture?.close?.();
    shown.picture = source.transferToImageBitmap();
    shown.view = view;
    shown.draw();
  };
  return new Promise((resolve) => {
    const began = performance.now();
    let count = 0;
    const next = () => {
      redraw(count);
      count += 1;
      const tookMs = performance.now() - began;
      if (tookMs < seconds * 1000) requestAnimationFrame(next);
      else resolve({
        canvas: [shown.canvas.width, shown.canvas.height],
        redraws: count,
        redraws_per_s: Math.round((count * 10000) / tookMs) / 10,
      });
    };
    requestAnimationFrame(next);
  });
}"""


def main() -> None:
    """Measure for some seconds."""
    from playwright.sync_api import sync_playwright

    from support.server import running_server

    program = shutil.which("chromium") or shutil.which("google-chrome")
    with running_server() as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto(server.url)
        tools = page.context.new_cdp_session(page)
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        before_s = main_thread_s(tools), cpu_s()
        measured = page.evaluate(MEASURE, SECONDS)
        after_s = main_thread_s(tools), cpu_s()
        browser.close()
    for name, before, after in zip(("main_ms", "cpu_ms"), before_s, after_s, strict=True):
        measured[name] = round(1000 * (after - before) / measured["redraws"], 1)
    print(json.dumps(measured))


def main_thread_s(tools: "CDPSession") -> float:
    """Return the CPU seconds that tasks of the page's main thread have taken."""
    metrics = tools.send("Performance.getMetrics")["metrics"]
    return next(float(each["value"]) for each in metrics if each["name"] == "TaskDuration")


def cpu_s() -> float:
    """Return the CPU seconds that the browser which we started has used, in all its processes."""
    children = psutil.Process().children(recursive=True)
    times = [each.cpu_times() for each in children if "chrom" in each.name()]
    return sum(each.user + each.system for each in times)


if __name__ == "__main__":
    main()
