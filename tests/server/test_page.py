"""The files of the page: what is served, how, and what is not."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from maskstream_server.http.problems import install_problems
from maskstream_server.routes.page import MEDIA_TYPES, page_routes

CLIP = bytes(range(256)) * 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as the package has it, beside something that is nobody's business."""
    (tmp_path / "secret.json").write_text("{}")
    web = tmp_path / "web"
    files = {
        "page/index.html": b"<!doctype html>",
        "page/css/page.css": b"body {}",
        "page/samples/cars.mp4": CLIP,
        "page/notes.md": b"# for us",
        "page/.env": b"x",
        "client/index.js": b"export {};",
        "client/__init__.py": b"",
        "__init__.py": b"",
        "other/file.js": b"",
    }
    for name, content in files.items():
        (web / name).parent.mkdir(parents=True, exist_ok=True)
        (web / name).write_bytes(content)
    (web / "page" / "link.json").symlink_to(tmp_path / "secret.json")
    return web


@pytest.fixture
async def browser(folder: Path) -> AsyncIterator[AsyncClient]:
    app = FastAPI()
    app.include_router(page_routes(folder))
    install_problems(app)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://host") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "content", "media_type"),
    [
        ("/", b"<!doctype html>", "text/html; charset=utf-8"),
        ("/index.html", b"<!doctype html>", "text/html; charset=utf-8"),
        ("/page/index.html", b"<!doctype html>", "text/html; charset=utf-8"),
        ("/page/css/page.css", b"body {}", "text/css; charset=utf-8"),
        ("/page/samples/cars.mp4", CLIP, "video/mp4"),
        ("/client/index.js", b"export {};", "text/javascript; charset=utf-8"),
    ],
)
async def test_each_file_comes_as_what_it_is_with_the_policy(browser, path, content, media_type):
    answer = await browser.get(path)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    head = await browser.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == answer.headers


async def test_the_policy_names_no_other_host_and_allows_no_script_in_the_text(browser):
    policy = (await browser.get("/")).headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == rules["worker-src"] == "'self'"
    assert {"base-uri", "form-action", "frame-ancestors"} <= rules.keys()
    assert set(" ".join(rules.values()).split()) == {"'none'", "'self'", "blob:", "data:"}


async def test_a_file_that_has_not_changed_is_not_sent_again(browser, folder):
    first = await browser.get("/client/index.js")
    tag = {"If-None-Match": f'"other", W/{first.headers["etag"]}'}
    again = await browser.get("/client/index.js", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    since = {"If-Modified-Since": first.headers["last-modified"]}
    assert (await browser.get("/client/index.js", headers=since)).status_code == 304
    (folder / "client/index.js").write_bytes(b"export const now = 1;")
    changed = await browser.get("/client/index.js", headers=tag)
    assert (changed.status_code, changed.content) == (200, b"export const now = 1;")
    assert first.headers["cache-control"] == "no-cache"


async def test_a_part_of_the_clip_is_sent_where_a_player_seeks(browser):
    answer = await browser.get("/page/samples/cars.mp4", headers={"Range": "bytes=100-199"})
    assert (answer.status_code, answer.content) == (206, CLIP[100:200])
    assert answer.headers["content-range"] == f"bytes 100-199/{len(CLIP)}"
    assert answer.headers["content-type"] == "video/mp4"
    beyond = await browser.get("/page/samples/cars.mp4", headers={"Range": "bytes=9999-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    "path",
    [
        *("/page/", "/page/css", "/page/css/", "/client/", "/other/file.js", "/__init__.py"),
        *("/page/none.js", "/page/notes.md", "/page/.env", "/client/__init__.py"),
        *("/page/link.json", "/page/%2e%2e/client/index.js", "/page/%2e%2e/%2e%2e/secret.json"),
        *("/page/..%2fother/x.js", "/client/%2fetc/passwd.json", "/page//index.html"),
        *("/page/index.html/x.js", f"/page/{'a' * 3000}.js", "/page/..%5c..%5csecret.json"),
        *("/page/%00.js", "/page/\u202e.js"),
    ],
)
async def test_nothing_else_is_there(browser, path):
    answer = await browser.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_files_are_only_read(browser, method):
    for path in ("/", "/page/css/page.css", "/client/index.js"):
        assert (await browser.request(method, path)).status_code == 405


def test_the_package_has_only_files_that_a_page_is_given():
    from maskstream_web import web_folder

    files = [path for path in Path(str(web_folder())).rglob("*") if path.is_file()]
    page = [path for path in files if path.relative_to(str(web_folder())).parts[0] in SERVED]
    assert page
    assert [path.name for path in page if path.suffix not in MEDIA_TYPES] == []


SERVED = ("page", "client")


def test_nothing_in_the_pages_html_needs_another_policy():
    from maskstream_web import web_folder

    for path in (Path(str(web_folder())) / "page").glob("*.html"):
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|https?://|javascript:", text), path
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
