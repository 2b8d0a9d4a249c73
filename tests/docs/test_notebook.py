"""The notebook of the examples, cell by cell, without Jupyter."""

import json
from typing import Any

import av
import numpy as np
import pytest

from docs.pages import CHECKOUT
from support.server import running_server

EXAMPLES = CHECKOUT / "examples"
SERVER = "ws://127.0.0.1:8000"


def code_cells() -> list[dict[str, Any]]:
    cells = json.loads((EXAMPLES / "notebook.ipynb").read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def num_frames_of_clip() -> int:
    with av.open(str(EXAMPLES / "cars.mp4")) as container:
        return sum(1 for _ in container.decode(video=0))


def test_the_cells_of_the_notebook_paint_masks_and_list_tracks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(EXAMPLES)
    names: dict[str, Any] = {}
    with running_server() as live:
        for cell in code_cells():
            source = "".join(cell["source"])
            exec(source.replace(SERVER, live.url.replace("http", "ws")), names)
    count = num_frames_of_clip()
    assert len(names["pairs"]) == count
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:3] for row in rows] == [["1", "thing", str(count)]]
    is_painted = (np.asarray(names["picture"]) != names["frame"]).any(axis=2)
    # The fake model's mask is the uppermost twelve rows of the first frame.
    assert is_painted[:12].all()
    assert not is_painted[12:].any()


def test_the_notebook_is_kept_without_outputs():
    assert len(code_cells()) > 2
    for cell in code_cells():
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
    assert SERVER in "".join(code_cells()[0]["source"])
