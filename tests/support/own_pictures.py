"""Small pictures with two classes of nobody's data set, in the forms that people export."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

SIZE = (96, 128)
NAMES = {7: "bolt", 3: "washer"}
"""By id: out of order, and not from 1 on."""


def draw(number: int) -> tuple[Image.Image, dict[int, list[float]]]:
    """A picture, and the polygon of the object of each class."""
    random = np.random.default_rng(number)
    noise = random.integers(90, 120, (*SIZE, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    pen = ImageDraw.Draw(picture)
    x, y = (int(value) for value in random.integers((8, 8), (40, 40)))
    bolt = [x, y, x + 40, y, x + 40, y + 14, x, y + 14]
    pen.polygon(bolt, fill=(210, 60, 40))
    x, y = (int(value) for value in random.integers((80, 50), (100, 70)))
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.stack([x + 18 * np.cos(angles), y + 18 * np.sin(angles)], 1).ravel()
    pen.polygon(ring.tolist(), fill=(40, 90, 210))
    return picture, {7: [float(value) for value in bolt], 3: [float(v) for v in ring]}


class OwnPictures:
    """COCO annotations of `count` pictures; change `content`, then `write` it."""

    def __init__(self, folder: Path, count: int = 6) -> None:
        self.file, self.images = folder / "my.json", folder / "photos"
        self.images.mkdir(parents=True)
        self.content: dict[str, Any] = {
            "images": [],
            "categories": [{"id": number, "name": name} for number, name in NAMES.items()],
            "annotations": [],
        }
        for number in range(count):
            self._add(number)

    def _add(self, number: int) -> None:
        picture, polygons = draw(number)
        name = f"photo_{number:02}.png"
        picture.save(self.images / name)
        height, width = SIZE
        # Listed backwards: ids need no order.
        self.content["images"].insert(
            0, {"id": 50 - number, "file_name": name, "height": height, "width": width}
        )
        for category, polygon in polygons.items():
            self.content["annotations"].append(
                {
                    "id": len(self.content["annotations"]) + 1,
                    "image_id": 50 - number,
                    "category_id": category,
                    "iscrowd": 0,
                    "segmentation": [polygon],
                    "area": 500.0,
                    "bbox": [0, 0, 1, 1],
                }
            )

    def write(self) -> Path:
        self.file.write_text(json.dumps(self.content))
        return self.file

    @property
    def arguments(self) -> list[str]:
        """What `maskstream train` is asked to learn it."""
        return ["--data", str(self.write()), "--images", str(self.images)]


QUICK = (
    *("--batch-size", "1", "--threads", "1", "--every", "2"),
    *("--set", "short_sides=64", "--set", "crop_share=0", "--set", "num_frames=2"),
)
"""Options of `maskstream train` for runs of seconds."""
