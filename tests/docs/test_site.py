"""The documentation site builds without a warning, and asks nobody else for anything."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.pages import CHECKOUT

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(CHECKOUT / "mkdocs.yml", folder)
    shutil.copytree(CHECKOUT / "docs", folder / "docs")
    for name in ("model", "server", "clients"):
        (folder / name).symlink_to(CHECKOUT / name)
    done = subprocess.run(
        [BIN / "zensical", "build", "--clean", "--strict"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def test_every_page_is_built(site):
    pages = {page.relative_to(CHECKOUT / "docs") for page in (CHECKOUT / "docs").rglob("*.md")}
    built = {page.relative_to(site) for page in site.rglob("*.html")}
    assert {page.with_suffix(".html") for page in pages} <= built


def test_the_reference_has_what_the_client_and_the_port_declare(site):
    for page, names in (
        ("client", ("Client.stream", "StreamOptions", "AsyncVideos.submit", "TakenOverError")),
        ("port", ("Model.step", "TrackTable", "FrameResult")),
    ):
        text = (site / "api" / f"{page}.html").read_text()
        assert [name for name in names if f'.{name}"' not in text] == []


def test_nothing_is_loaded_from_elsewhere(site):
    loads = re.compile(
        r'<(?:script|img|iframe|source)[^>]+src="(https?:[^"]+)|<link[^>]+rel="(?:stylesheet|preconnect)"[^>]+href="(https?:[^"]+)'
    )
    assert [
        loads.findall(page.read_text())
        for page in site.rglob("*.html")
        if loads.search(page.read_text())
    ] == []


def test_the_documents_of_the_api_are_what_a_server_says():
    done = subprocess.run(
        [sys.executable, CHECKOUT / "scripts" / "api_documents.py", "--check"], timeout=300
    )
    assert done.returncode == 0, "run scripts/api_documents.py"
