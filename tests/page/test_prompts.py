"""A model that needs texts: the page asks for them, live and for whole videos."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from page.conftest import Visit, frames_of_clip, write_film
from page.steps import start
from support.server import LiveServer, running_server
from support.stand_ins import stand_in


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    with running_server(stand_in(prompts="required")) as server:
        yield server


def test_texts_say_what_is_segmented_and_others_may_follow(live: LiveServer, visit: Visit):
    page = visit(live.url)
    field = page.get_by_label("What to segment, one text a line")
    field.wait_for()
    page.get_by_role("button", name="Start").click()
    page.get_by_text("needs prompts: say what to segment").wait_for()
    field.fill("red\n\n blue ")
    start(page)
    names = page.locator("track-list li b")
    names.get_by_text("red").first.wait_for()
    names.get_by_text("blue").first.wait_for()
    assert names.get_by_text("green").count() == 0
    field.fill("green")
    field.press("Tab")
    names.get_by_text("green").first.wait_for()
    field.fill("\n".join(map(str, range(17))))
    field.press("Tab")
    page.get_by_text("Prompts are 1 to 16 texts of 1 to 256 characters.").wait_for()


def test_an_upload_says_what_is_segmented(live: LiveServer, visit: Visit, tmp_path: Path):
    film = write_film(tmp_path / "own.mp4", "libx264", frames_of_clip(4), fps=5)
    page = visit(f"{live.url}/#videos")
    page.locator("upload-panel textarea").fill("red\n<i>the blue car")
    page.locator("upload-panel input[type=file]").set_input_files(film)
    page.locator("video-list li").get_by_text("Done").wait_for()
    (video,) = json.loads(live.get("/v1/videos"))["videos"]
    details = json.loads(live.get(f"/v1/videos/{video['id']}"))
    assert details["options"]["prompts"] == ["red", "<i>the blue car"]
