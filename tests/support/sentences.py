"""A tiny data set in the form of Ref-YouTube-VOS: two videos, three objects, two annotators."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from support.datasets import box, draw_frames

SIZE = (36, 48)
FRAMES = ("00000", "00005", "00010")


def sentence(text: str, object_id: int) -> dict[str, Any]:
    """One sentence as the file has it."""
    return {"exp": text, "obj_id": str(object_id)}


class Sentences:
    """Change `content` or `ids`, then `write` it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        named = [("a car", 1), ("the red car", 1), ("dog", 2), ("a dog runs", 2)]
        self.content: dict[str, Any] = {
            "videos": {
                "cars": {
                    "expressions": {str(n): sentence(*each) for n, each in enumerate(named)},
                    "frames": list(FRAMES),
                },
                "bus": {
                    "expressions": {"0": sentence("bus", 1), "1": sentence("a blue bus", 1)},
                    "frames": list(FRAMES[:1]),
                },
            }
        }
        car, dog = box(2, 2, 20, 20, SIZE), box(15, 25, 30, 45, SIZE)
        self.ids = {
            "cars": [car * 1 + dog * 2, car * 1 + dog * 2, dog * 2],
            "bus": [box(4, 4, 30, 40, SIZE) * 1],
        }

    @property
    def split(self) -> Path:
        """The folder of the split."""
        return self.folder / "valid"

    @property
    def file(self) -> Path:
        """The file of sentences."""
        return self.folder / "meta_expressions" / "valid" / "meta_expressions.json"

    def write(self) -> Path:
        """Write everything; return the folder of the split."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.content))
        for name, video in self.content["videos"].items():
            pictures = [f"{frame}.jpg" for frame in video["frames"]]
            draw_frames(self.split / "JPEGImages" / name, pictures, SIZE)
            for frame, ids in zip(video["frames"], self.ids[name], strict=True):
                draw_ids(self.split / "Annotations" / name / f"{frame}.png", ids)
        return self.split


def draw_ids(path: Path, ids: np.ndarray) -> None:
    """Write ids as DAVIS does, with a palette."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(ids.astype(np.uint8), "P")
    picture.putpalette([value for number in range(256) for value in (number, 255 - number, 7)])
    picture.save(path)
