"""The pages of the documentation, and the blocks of code on them."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [
    *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((CHECKOUT / "docs").rglob("*.md")),
]
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of code in a language, "" for those without one."""
    return [code for _, each, code in FENCED.findall(page.read_text()) if each == language]
