"""`scripts/pack_demo.py`: frames of clips, which the teacher labels and the pack holds."""

import runpy
from pathlib import Path

import numpy as np
from PIL import Image

from support.lossless import write_lossless

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "pack_demo.py"


def test_frames_of_a_clip_are_named_by_their_number_and_made_smaller(tmp_path):
    frames = [np.full((180, 896, 3), 20 * index, dtype=np.uint8) for index in range(10)]
    clip = write_lossless(tmp_path / "clip.mkv", frames)
    extract = runpy.run_path(str(SCRIPT))["extract"]
    assert extract(clip, 4, tmp_path / "05") == 3
    files = sorted((tmp_path / "05").iterdir())
    assert [path.name for path in files] == ["00000.jpg", "00004.jpg", "00008.jpg"]
    for path in files:
        with Image.open(path) as picture:
            assert picture.size == (448, 90)
            assert abs(np.asarray(picture).mean() - 20 * int(path.stem)) < 2
