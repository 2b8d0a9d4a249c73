"""Draws docs/images/page-*.png: the page as a visitor sees it, in Chromium, with the demo model.

Needs `pip install '.[web]'` and Chromium. Look at the pictures before you keep them.
"""

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))
CLIP = CHECKOUT / "examples" / "cars.mp4"
BITS = 6
WAIT_MS = 120_000
DESK: Mapping[str, Any] = {"viewport": {"width": 1360, "height": 960}}
PHONE: Mapping[str, Any] = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 1.5}


def main() -> None:
    """Start a server and a browser, and take the pictures."""
    from playwright.sync_api import sync_playwright

    from support.serving import server_processes

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs" / "images")
    out = parser.parse_args().out
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with (
        tempfile.TemporaryDirectory(prefix="maskstream-page-") as folder,
        server_processes(Path(folder), 1) as (server,),
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        url = f"http://127.0.0.1:{server.port}"
        live(browser, url, out / "page-live.png", DESK)
        live(browser, url, out / "page-dark.png", {**DESK, "color_scheme": "dark"})
        live(browser, url, out / "page-phone.png", PHONE)
        videos(browser, url, out / "page-videos.png")
        browser.close()


def visit(browser: "Browser", url: str, options: Mapping[str, Any]) -> "Page":
    """Open the page in a context of its own."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(url)
    return page


def live(browser: "Browser", url: str, path: Path, options: Mapping[str, Any]) -> None:
    """Take a picture when two cars are there and some have gone."""
    page = visit(browser, url, options)
    page.get_by_role("button", name="Start").click()
    page.locator("track-list li").nth(3).wait_for()
    page.locator("track-list li[data-state=seen]").nth(1).wait_for()
    keep(page, path)
    page.context.close()


def videos(browser: "Browser", url: str, path: Path) -> None:
    """Take a picture when a video is done."""
    page = visit(browser, f"{url}/#videos", DESK)
    page.locator("upload-panel input[type=file]").set_input_files(CLIP)
    page.locator("video-list li").get_by_text("Done").wait_for()
    page.locator("video-view video").evaluate("(video) => { video.currentTime = 2.6; }")
    page.wait_for_timeout(2000)
    keep(page, path)


def keep(page: "Page", path: Path) -> None:
    """Save what is seen, without the lowest bits: they are noise, and make PNGs large."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    ImageOps.posterize(picture, BITS).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
