"""Pages, sections and decisions that code and pages cite exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("model", "server", "clients", "scripts", "tests", "examples", "docker")
SUFFIXES = {".py", ".sh", ".toml", ".yml", ".Dockerfile"}
PAGE = re.compile(r"docs/[\w/.-]+?\.md(?: (?:section )?(\d+(?:\.\d+)*))?")
DECISION = re.compile(r"\bdecisions?[/ ](\d{1,4})\b")


def sources() -> list[Path]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    found += [ROOT / "Makefile", ROOT / "pyproject.toml"]
    return [path for path in found if path.suffix in SUFFIXES or path.name == "Makefile"]


def sections(page: Path) -> set[str]:
    """Numbers of the headings of a page."""
    headings = re.findall(r"^#+ (\d+(?:\.\d+)*)", page.read_text(), re.MULTILINE)
    return {heading.rstrip(".") for heading in headings}


def missing_in(text: str) -> list[str]:
    """Return the citations of a text that lead nowhere."""
    numbers = {path.name[:4] for path in (ROOT / "docs" / "decisions").glob("0*.md")}
    missing = [
        f"decision {number}" for number in DECISION.findall(text) if number.zfill(4) not in numbers
    ]
    for cited in PAGE.finditer(text):
        page, section = ROOT / cited[0].split(" ")[0], cited[1]
        if not page.is_file() or (section and section not in sections(page)):
            missing.append(cited[0])
    return missing


def test_what_code_cites_exists():
    cited = {str(path.relative_to(ROOT)): missing_in(path.read_text()) for path in sources()}
    cited.pop(HERE)
    assert {path: names for path, names in cited.items() if names} == {}


HERE = str(Path(__file__).relative_to(ROOT))
WRITERS = ("rest_page.py", "credit_pictures.py")
"""Scripts that write pages, which lead to others beside them."""


@pytest.mark.parametrize(
    "text",
    ["docs/nothing.md", "docs/protocol.md 99", "decisions/9999", "decision 9999"],
)
def test_a_citation_that_leads_nowhere_is_found(text: str):
    assert missing_in(f"see {text} for more") == [text.replace("decisions/", "decision ")]


def test_pages_are_cited_with_their_folder():
    """A docstring that cites `docs/protocol.md` says where it is."""
    # `ablation.md` is also a file that `maskstream ablate` writes.
    names = {path.name for path in (ROOT / "docs").glob("*.md")} - {"ablation.md"}
    pages = "|".join(names)
    bare = re.compile(rf"(?<![/\w\"-])(?:{pages}|design\.md|SPEC\.md)\b(?!\")")
    found = {
        str(path.relative_to(ROOT)): bare.findall(path.read_text())
        for path in sources()
        if path.suffix == ".py" and path.name not in (*WRITERS, Path(__file__).name)
    }
    assert {path: names for path, names in found.items() if names} == {}
