"""The script that makes a clip in which scenes are shown in turns."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from maskstream_train.evaluation.sources import open_dataset
from support.datasets import Tubes

SCRIPT = Path(__file__).parents[3] / "scripts" / "interleave_clips.py"


def interleave(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    spec = importlib.util.spec_from_file_location("interleave_clips", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, words)])
    module.main()


def test_objects_leave_with_their_scene_and_come_back_with_it(tmp_path, monkeypatch) -> None:
    whole = Tubes(tmp_path).write()
    interleave(monkeypatch, whole, tmp_path / "turning.json", "--rounds", "3")
    (clip,) = open_dataset(tmp_path / "turning.json", [], agnostic=True).clips
    scene, bare = open_dataset(whole, [], agnostic=True).clips
    assert (scene.num_frames, bare.num_frames) == (3, 1)
    nothing = np.zeros((1, 2, 6, 8), bool)
    turn = np.concatenate([nothing, [masks for _, masks in scene.frames]])
    truth = np.stack([masks for _, masks in clip.frames])
    assert (truth == np.concatenate([turn] * 3)).all()


def test_clips_of_different_sizes_are_refused(tmp_path, monkeypatch) -> None:
    path = tmp_path / "data.json"
    sizes = ({"height": 1, "width": 2}, {"height": 2, "width": 1})
    path.write_text(json.dumps({"videos": sizes, "annotations": []}))
    with pytest.raises(SystemExit, match="different sizes"):
        interleave(monkeypatch, path, tmp_path / "out.json")
