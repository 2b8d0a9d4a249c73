"""Pages lead to what exists, and are as long as they should be."""

import re

import pytest

from docs.pages import CHECKOUT, PAGES

MAX_README_LINES = 120


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_lead_to_files_of_the_repository(page):
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)[^)]*\)", page.read_text())
    assert [each for each in targets if not (page.parent / each).exists()] == []


def test_every_decision_is_listed():
    folder = CHECKOUT / "docs" / "decisions"
    index = (folder / "index.md").read_text()
    pages = sorted(folder.glob("0*.md"))
    assert [page.name for page in pages if f"({page.name})" not in index] == []


def test_the_readme_is_read_in_a_minute():
    assert len((CHECKOUT / "README.md").read_text().splitlines()) <= MAX_README_LINES
