"""Each family whose weights have an address: pulled from a stand-in of it, served, streamed to."""

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maskstream_client import connect
from maskstream_model.families import release_of
from support.forks import Forked, maskstream
from support.hub import Hub, stand_in_hub
from support.mmdetection import Mmdetection
from support.reference import Reference
from support.videomt import made_up_weights, vits_config

pytestmark = pytest.mark.slow
Content = Callable[[Path], dict[str, Any]]


def of_daq(data: Path) -> dict[str, Any]:
    return {"model": Reference(data / "reference").weights("daq_r50_ovis"), "iteration": 1}


def of_mask2former(data: Path) -> dict[str, Any]:
    published = Mmdetection(data / "reference" / "mask2former_mmdet")
    weights = published.weights("mask2former_r50_coco")
    return {"meta": {"epoch": 50}, "state_dict": weights}


def of_videomt(data: Path) -> dict[str, Any]:
    config = vits_config()
    return {"state_dict": made_up_weights(config.network, config.num_classes)}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, and a user without weights who has set it as theirs."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    # Large, and removed at once: pytest would keep it.
    with stand_in_hub() as hub, tempfile.TemporaryDirectory(dir=tmp_path) as cache:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("MASKSTREAM_WEIGHTS_DIR", cache)
        yield hub


@pytest.mark.parametrize(
    ("preset", "content", "repository"),
    [
        ("daq_r50_ovis", of_daq, "zhouyik/DVIS-DAQ"),
        ("mask2former_r50_coco", of_mask2former, "mirror"),
        ("videomt_vits_ytvis19", of_videomt, "tue-mps/VidEoMT"),
    ],
)
def test_a_family_is_pulled_served_and_streamed_to(
    hub: Hub, test_data: Path, tmp_path: Path, preset: str, content: Content, repository: str
):
    release, log, file = release_of(preset), tmp_path / "log", io.BytesIO()
    assert release is not None
    torch.save(content(test_data), file)
    hub.files[f"{repository}/{release.file}"] = file.getvalue()
    pull = ["weights", "pull", preset, "--yes"]
    if repository == "mirror":
        # Made-up weights do not have the SHA-256 of which the file's name has the first digits.
        pull += ["--from", f"{hub.url}/mirror/", "--refresh"]
    with closing(Forked(maskstream, *pull, log=log)) as process:
        assert process.wait(240) == 0, log.read_text()
    with closing(Forked(maskstream, "serve", "--port", "0", "--model", preset, log=log)) as server:
        line = server.stdout.readline()
        assert line.startswith(f"maskstream serves {preset} on cpu at "), log.read_text()
        with connect(line.split()[-1], min_score=0.0) as client:
            client.send(np.full((64, 96, 3), 127, np.uint8))
            assert client.receive().drop_reason is None
