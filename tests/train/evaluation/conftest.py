"""Fixtures of the tests of evaluation."""

from pathlib import Path

import numpy as np
import pytest

from maskstream_train.data.readers import open_reader
from maskstream_train.data.vipseg import VipsegReader
from support.datasets import SKY, Panoptic

VIS_CASES = [
    ("ytvis_ap_0_perfect", "ytvis"),
    ("ytvis_ap_1", "ytvis"),
    ("ytvis_ap_2", "ytvis"),
    ("ytvis_ap_3_sparse", "ytvis"),
    ("ytvis_ap_4_edges", "ytvis"),
    ("ovis_ap_1", "ytvis"),
    ("ovis_ap_1", "ovis"),
]


@pytest.fixture(params=VIS_CASES, ids="-".join)
def vis_case(request: pytest.FixtureRequest, test_data: Path) -> tuple[Path, str]:
    """Folder and form of a case that the official evaluators scored, `expected.json`."""
    case, form = request.param
    return test_data / "metrics" / case, form


@pytest.fixture
def street(tmp_path: Path) -> VipsegReader:
    """A VIPSeg set of three frames whose sky is one segment and whose areas are true."""
    panoptic = Panoptic(tmp_path)
    for number, frame in enumerate(panoptic.frames):
        frame["segments_info"].pop(2)
        ids = Panoptic.ids(number)
        panoptic.draw(number, np.where(ids == SKY + 7, SKY, ids))
        for row in frame["segments_info"]:
            row["area"] = int((ids == row["id"]).sum() + (ids == row["id"] + 7).sum())
    reader = open_reader(panoptic.write(), "vipseg")
    assert isinstance(reader, VipsegReader)
    return reader
