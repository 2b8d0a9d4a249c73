"""docs/protocol.md, the page that clients are written from, and what the code does."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
from PIL import Image

from maskstream_protocol import errors, messages, notices
from support.server import running_server

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def test_the_session_by_hand_works_as_it_is_printed(tmp_path: Path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    script, picture = tmp_path / "by_hand.py", tmp_path / "street.jpg"
    script.write_text(code, encoding="utf-8")
    Image.fromarray(np.full((48, 64, 3), 128, np.uint8)).save(picture)
    with running_server() as live:
        done = subprocess.run(
            [sys.executable, script, live.ws_url, picture],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert "track 1: class 0, score 0.90" in done.stdout


def test_every_error_code_and_close_code_is_on_the_page():
    known = errors.WireError.__subclasses__()
    for each in known:
        assert f"`{each.code}`" in PAGE
        assert each.close_code is None or f"{each.close_code}" in PAGE
    rows = PAGE[PAGE.index("## 7. Errors") : PAGE.index("## 8. Models")]
    output = [code for row in re.findall(r"^\| (`.*?) \|", rows, re.M) for code in row.split(", ")]
    assert set(output) == {f"`{each.code}`" for each in known}


def test_every_control_message_is_on_the_page_with_its_fields():
    for kind in set(messages.ControlMessage.__subclasses__()) - {notices.Watching}:
        rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{kind.type}` |")]
        names = [field.name for field in fields(kind)]
        named = [all(f"`{name}`" in row for name in names) for row in rows]
        assert any(named), (kind, rows)
