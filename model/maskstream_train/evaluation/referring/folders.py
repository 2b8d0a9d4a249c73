"""Where results of benchmarks with sentences are, in the forms that their evaluators take.

Ref-YouTube-VOS: `Annotations/VIDEO/SENTENCE/FRAME.png`, white where the sentence's object is.
Ref-DAVIS17: `anno_K/VIDEO/FRAME.png` with object ids, of the K-th sentence of each object.
"""

from pathlib import Path
from typing import Final, Literal

from PIL import Image

from maskstream_model.errors import DatasetError
from maskstream_train.data.referring import Expression, Ids, ReferringVideo

ReferringForm = Literal["ref-ytvos", "ref-davis"]
DAVIS: Final = "ref-davis"


def sentence_pictures(results: Path, video: ReferringVideo, each: Expression) -> list[Path]:
    """Return the pictures of a sentence, one for each frame."""
    return _pictures(results / "Annotations" / video.info.name / each.id, video)


def object_pictures(results: Path, video: ReferringVideo, annotator: int) -> list[Path]:
    """Return the pictures of an annotator, one for each frame."""
    return _pictures(results / f"anno_{annotator}" / video.info.name, video)


def num_annotators(video: ReferringVideo) -> int:
    """Return how many sentences each object has.

    Raises:
        DatasetError: the objects have different numbers of them, or are not named.
    """
    counts = {len(places) for places in video.by_object.values()}
    if None in video.by_object or len(counts) != 1:
        raise DatasetError(
            f"video {video.info.name}: Ref-DAVIS17 has as many sentences for each object"
        )
    return counts.pop()


def write_ids(path: Path, ids: Ids) -> None:
    """Write ids `(height, width)` as a grey picture; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids).save(path)


def _pictures(folder: Path, video: ReferringVideo) -> list[Path]:
    return [folder / f"{picture.stem}.png" for picture in video.info.pictures]
