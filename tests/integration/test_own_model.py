"""Own classes from pictures to a stream: trained a little, served by folder, named in results."""

import json
from contextlib import closing

import numpy as np
import pytest

from maskstream_client import connect
from support.forks import Forked, maskstream
from support.own_pictures import QUICK, OwnPictures, draw


def begun(folder, *words):
    """A command in a process of its own, and the file of what it says on stderr."""
    log = folder / "log"
    return Forked(maskstream, *words, log=log), log


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A folder that `maskstream train` made; its model reports whatever it takes for an object."""
    folder = tmp_path_factory.mktemp("own")
    asked = [*OwnPictures(folder).arguments, "--out", str(folder / "mine"), *QUICK, "--steps", "6"]
    process, log = begun(folder, "train", *asked)
    with closing(process):
        assert process.wait(300) == 0, log.read_text()
    return folder / "mine"


def test_a_trained_folder_is_served_and_its_class_names_and_colours_come_back(mine, tmp_path):
    frames = [np.asarray(draw(0)[0])] * 4
    process, log = begun(tmp_path, "serve", "--port", "0", "--model", f"{mine}/")
    with closing(process):
        line = process.stdout.readline()
        assert line.startswith("maskstream serves mine on cpu at "), log.read_text()
        with connect(line.split()[-1], min_score=0.0) as client:
            results = [result for _, result in client.stream(frames)]
            classes = [(each.name, each.color) for _, each in sorted(client.classes.items())]
    described = json.loads((mine / "model.json").read_text())["classes"]
    assert classes == [(each["name"], each["color"]) for each in described]
    assert [name for name, _ in classes] == ["washer", "bolt"]
    assert len(results) == len(frames)
    assert {item.label for result in results for item in result.objects} <= {"washer", "bolt"}


def test_a_folder_that_is_no_model_is_one_sentence(tmp_path):
    process, log = begun(tmp_path, "serve", "--port", "0", "--model", str(tmp_path))
    with closing(process):
        assert process.wait(120) != 0
    said = log.read_text()
    assert f"the folder {tmp_path} is no model: it has no model.json" in said
    assert "Traceback" not in said
