"""Fixtures of GenVIS's tests."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def recordings(test_data: Path) -> Path:
    """Folder of the recordings of the authors' code; skips without test data."""
    folder = test_data / "reference" / "others" / "genvis"
    if not folder.is_dir():
        pytest.skip("no recordings of GenVIS")
    return folder


@pytest.fixture(scope="session")
def recorded(recordings: Path) -> Mapping[str, NDArray[Any]]:
    """The recorded run of six frames."""
    with np.load(recordings / "r50_ovis_online_6f.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="session")
def released_shapes(recordings: Path) -> dict[str, dict[str, tuple[int, ...]]]:
    """Shapes by name of everything in the released files, by preset."""
    return {
        f"genvis_{name}": {
            key: tuple(shape)
            for key, (shape, _) in json.loads(
                (recordings / f"keys_{name}.json").read_text()
            ).items()
        }
        for name in ("r50_ovis_online", "r50_ovis_semi")
    }
