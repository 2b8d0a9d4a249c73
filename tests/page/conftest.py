"""A real Chromium with a camera that plays a real clip; tests skip where there is none."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CLIP = Path(__file__).resolve().parents[2] / "examples" / "cars.mp4"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
TIMEOUT_MS = 60_000
"""The machine may be busy with much else."""
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
"""What Chromium breaks off with where a network comes or goes on the machine, as of a container."""
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")

QUICK = {"mjpeg": {}, "libvpx": {"deadline": "realtime", "cpu-used": "8"}}
QUICK["libx264"] = {"preset": "ultrafast"}

Visit = Callable[..., "Page"]


def frames_of_clip(count: int) -> list[av.VideoFrame]:
    """Return frames from the middle of the sample clip, on which two cars are."""
    with av.open(str(CLIP)) as container:
        frames = list(container.decode(video=0))
    return frames[28 : 28 + count]


def write_film(path: Path, codec: str, frames: list[av.VideoFrame], fps: int) -> Path:
    """Write frames as a file that Chromium plays."""
    with av.open(str(path), "w", format="mjpeg" if codec == "mjpeg" else None) as container:
        stream = container.add_stream(codec, rate=fps, options=QUICK[codec])
        stream.width, stream.height = frames[0].width, frames[0].height
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for index, frame in enumerate(frames):
            picture = frame.reformat(format=stream.pix_fmt)
            picture.pts, picture.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def chromium(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Browser"]:
    """One browser for a module, whose `CAMERA_FRAMES` is how long its camera's clip is."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install '.[web]' brings it")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on PATH: apt-get install chromium")
    camera = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    count = getattr(request.module, "CAMERA_FRAMES", 25)
    write_film(camera, "mjpeg", frames_of_clip(count), fps=5)
    options = [*FAKE_CAMERA, f"--use-file-for-fake-video-capture={camera}", "--no-sandbox"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: "Browser") -> Iterator[Visit]:
    """Open a page; at the end, nothing may have failed in it or been kept out by its policy."""
    problems: list[str] = []
    with ExitStack() as ends:

        def open_page(url: str, **options: Any) -> "Page":
            context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
            ends.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(TIMEOUT_MS)
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda said: said.type == "error" and problems.append(said.text))
            page.goto(url)
            while any(NETWORK_CHANGED in problem for problem in problems):
                problems[:] = [each for each in problems if NETWORK_CHANGED not in each]
                page.reload()
            return page

        yield open_page
    expected = ("401", NETWORK_CHANGED)
    assert not [each for each in problems if not any(text in each for text in expected)]
