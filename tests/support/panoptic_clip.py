"""A panoptic clip and a prediction of it on disk, and the command that compares such files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result

from maskstream_train.commands import score
from maskstream_train.data.panoptic import write_ids

ROAD, CAR = 300, 70_001


def score_panoptic(
    truth: Path, truth_folder: Path, results: Path, folder: Path, *options: str
) -> Result:
    """Run `maskstream score panoptic`."""
    places = (
        f"--gt={truth}",
        f"--gt-png={truth_folder}",
        f"--results={results}",
        f"--png={folder}",
    )
    return CliRunner().invoke(score, ["panoptic", *places, *options])


class PanopticClip:
    """Two frames of a road with a car on it, and a prediction equal to them, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ids = np.full((4, 6), ROAD)
        self.ids[1:3, 2:5] = CAR
        images = [{"height": 4, "width": 6, "file_name": f"{i}.png"} for i in range(2)]
        self.truth = {
            "videos": [{"video_id": "v", "images": images}],
            "categories": [
                {"id": 40, "name": "road", "isthing": 0},
                {"id": 7, "name": "car", "isthing": 1},
            ],
            "annotations": [{"video_id": "v", "annotations": [_frame(i, "png") for i in range(2)]}],
        }
        self.found = {
            "annotations": [{"video_id": "v", "annotations": [_frame(i, "jpg") for i in range(2)]}]
        }
        for side in ("gt", "pred"):
            (folder / side / "v").mkdir(parents=True)
            for index in range(2):
                self.draw(side, index, self.ids)

    def draw(self, side: str, frame: int, ids: np.ndarray) -> None:
        write_ids(self.picture(side, frame), ids)

    def picture(self, side: str, frame: int) -> Path:
        return self.folder / side / "v" / f"{frame}.png"

    def segments(self, side: str, frame: int) -> list[dict[str, Any]]:
        content = self.truth if side == "gt" else self.found
        return content["annotations"][0]["annotations"][frame]["segments_info"]

    def score(self, *options: str) -> Result:
        for name, content in (("gt.json", self.truth), ("pred.json", self.found)):
            (self.folder / name).write_text(json.dumps(content))
        return self.score_files(*options)

    def score_files(self, *options: str) -> Result:
        places = [self.folder / name for name in ("gt.json", "gt", "pred.json", "pred")]
        return score_panoptic(*places, *options)

    def numbers(self) -> dict[str, Any]:
        result = self.score("--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


def _frame(index: int, ending: str) -> dict[str, Any]:
    road = {"id": ROAD, "category_id": 40, "iscrowd": 0, "area": 18}
    car = {"id": CAR, "category_id": 7, "iscrowd": 0, "area": 6}
    return {"file_name": f"{index}.{ending}", "segments_info": [road, car]}
