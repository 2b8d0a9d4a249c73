"""Data sets of the tiny model's frames, in the form of YouTube-VIS, for whole benchmarks."""

from pathlib import Path

from PIL import Image

from maskstream_model.classes import EVERYDAY
from support.datasets import Tubes, box, tube
from support.tiny import SIZE, tiny_frames

IDS = (30, 10, 20)
"""Category ids of the tiny model's classes."""


def silent(done: int) -> None:
    """Progress that nobody looks at."""


def tiny_set(folder: Path) -> Tubes:
    """Two videos of the tiny model's frames, annotated with any masks."""
    tubes = Tubes(folder)
    lengths = {4: 7, 9: 3}
    names = {number: [f"{number}/{i}.png" for i in range(lengths[number])] for number in lengths}
    tubes.content = {
        "videos": [
            {"id": number, "height": SIZE[0], "width": SIZE[1], "file_names": names[number]}
            for number in (9, 4)
        ],
        "categories": [
            {"id": number, "name": f"Class_{index}"} for index, number in enumerate(IDS)
        ],
        "annotations": [
            tube(1, 4, 10, [box(0, 0, 60, 90, SIZE)] * 7),
            tube(2, 9, 30, [None, box(0, 0, 60, 40, SIZE), None]),
        ],
    }
    for number in names:
        (tubes.pictures / str(number)).mkdir()
        for name, frame in zip(names[number], tiny_frames(lengths[number], number), strict=True):
            Image.fromarray(frame).save(tubes.pictures / name)
    return tubes


def demo_set(folder: Path) -> Tubes:
    """The data set with the classes of the demo model, in another order, as OVIS has them."""
    tubes = tiny_set(folder)
    names = EVERYDAY.split()[::-1]
    tubes.content["categories"] = [
        {"id": 10 * index, "name": name} for index, name in enumerate(names, 1)
    ]
    for annotation in tubes.content["annotations"]:
        annotation["occlusion"] = ["no_occlusion"] * len(annotation["segmentations"])
    return tubes
