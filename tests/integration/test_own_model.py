"""Own classes from pictures to a stream: trained a little, served by folder, named in results."""

import subprocess
import sys

import numpy as np
import pytest

from integration.test_serve import serving
from maskstream_client import connect
from support.own_pictures import QUICK, OwnPictures, draw

COMMAND = [sys.executable, "-c", "from maskstream_client.main import main; main()"]


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A folder that `maskstream train` made; its model reports whatever it takes for an object."""
    folder = tmp_path_factory.mktemp("own")
    asked = [*OwnPictures(folder).arguments, "--out", str(folder / "mine"), *QUICK, "--steps", "6"]
    done = subprocess.run([*COMMAND, "train", *asked], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder / "mine"


def test_a_trained_folder_is_served_and_its_class_names_come_back(mine):
    frames = [np.asarray(draw(0)[0])] * 4
    with serving("--model", f"{mine}/") as (line, _):
        assert line.startswith("maskstream serves mine on cpu at ")
        with connect(line.split()[-1], min_score=0.0) as client:
            results = [result for _, result in client.stream(frames)]
            names = {number: each.name for number, each in client.classes.items()}
    assert names == {0: "washer", 1: "bolt"}
    assert len(results) == len(frames)
    assert {item.label for result in results for item in result.objects} <= {"washer", "bolt"}


def test_a_folder_that_is_no_model_is_one_sentence(tmp_path):
    asked = [*COMMAND, "serve", "--port", "0", "--model", str(tmp_path)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert f"the folder {tmp_path} is no model: it has no model.json" in done.stderr
    assert "Traceback" not in done.stderr
