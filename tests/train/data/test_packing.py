"""Real pictures for `demo`: what people and a teacher marked, joined, packed and read again."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskstream_model.errors import DatasetError
from maskstream_train.data.packed import DOUBTFUL, KNOWN, UNKNOWN, PackedPicture, PackedPictures
from maskstream_train.data.packing.objects import Marked, join, split_pair
from maskstream_train.data.packing.sources import cutouts, frame_of, stills
from maskstream_train.data.packing.teacher import TaughtObject, by_majority, read_labels
from maskstream_train.data.packing.writing import fitting, write_pack
from support.rle import encode_mask

HEIGHT, WIDTH = 60, 80
CLASSES = ["person", "bicycle", "dog", "other"]


def _box(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def _taught(name: str, score: float, mask: np.ndarray, box=None, agrees=True) -> TaughtObject:
    rows, columns = np.nonzero(mask)
    own = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return TaughtObject(name, score, box or tuple(int(v) for v in own), mask, agrees)


def test_only_what_is_accepted_becomes_an_object_and_the_rest_of_its_box_is_doubtful() -> None:
    sure = _taught("dog", 0.8, _box(0, 0, 20, 20), box=(0, 0, 30, 20))
    unsure = _taught("dog", 0.4, _box(30, 30, 50, 50))
    hollow = _taught("dog", 0.9, _box(40, 60, 41, 70), box=(50, 30, 80, 60))
    nowhere = _box(0, 0, 0, 0)
    objects, doubtful = join([], [unsure, hollow, sure], nowhere)
    assert [(one.name, one.certainty, one.exact) for one in objects] == [("dog", 0.8, False)]
    assert (doubtful == _box(0, 20, 20, 30)).all()


def test_people_come_before_the_teacher() -> None:
    person = Marked("person", 1.0, _box(0, 0, 40, 20), exact=True)
    same = _taught("dog", 0.9, _box(2, 2, 40, 22))
    beside = _taught("dog", 0.9, _box(0, 18, 40, 60))
    objects, _ = join([person], [same, beside], _box(0, 0, 0, 0))
    assert [one.name for one in objects] == ["person", "dog"]
    assert (objects[1].mask == _box(0, 20, 40, 60)).all()


def test_rider_and_vehicle_are_split_inside_the_true_mask() -> None:
    true = _box(0, 10, 60, 50)
    rider = _taught("person", 0.3, _box(0, 5, 20, 50))
    bicycle = _taught("bicycle", 0.3, _box(30, 10, 60, 70))
    parts = split_pair(true, "person+bicycle", [rider, bicycle])
    assert parts is not None
    first, second = parts
    assert (first.name, second.name) == ("person", "bicycle")
    assert ((first.mask | second.mask) == true).all()
    assert not (first.mask & second.mask).any()
    # The rows from 20 to 30 are taught as neither: each goes to the nearer one.
    assert (first.mask == _box(0, 10, 25, 50)).all()
    assert split_pair(true, "person+bicycle", [rider]) is None


def test_a_thing_without_a_name_is_the_rest_without_strings() -> None:
    true = _box(20, 10, 60, 30) | _box(30, 30, 50, 60) | _box(0, 40, 30, 42)
    parts = split_pair(true, "person+other", [_taught("person", 0.6, _box(20, 10, 60, 30))])
    assert parts is not None
    assert parts[1].mask[40, 45]
    assert not parts[1].mask[5, 40]


def test_names_of_a_video_are_by_majority_and_single_sights_are_not_accepted() -> None:
    masks = [_box(10, 10 + step, 40, 40 + step) for step in range(3)]
    frames = [
        [_taught("dog", 0.6, masks[0])],
        [_taught("person", 0.9, masks[1]), _taught("bicycle", 0.9, _box(0, 60, 20, 80))],
        [_taught("dog", 0.7, masks[2])],
    ]
    named = by_majority(frames)
    assert [frame[0].name for frame in named] == ["dog", "dog", "dog"]
    assert named[1][0].accepted
    assert not named[1][1].accepted


def _jpeg(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def _coco(folder: Path) -> Path:
    """Write a complete picture with an object and a crowd, and an incomplete one."""
    for number in (1, 2):
        _jpeg(folder / "images" / f"{number}.jpg", number)
    annotations = [
        (1, 1, 0, _box(0, 0, 20, 20)),
        (1, 1, 1, _box(30, 30, 60, 80)),
        (2, 1, 0, _box(0, 0, 30, 30)),
    ]
    content = {
        "licenses": [{"id": 4, "name": "Attribution License"}],
        "categories": [{"id": 1, "name": "person"}],
        "images": [
            {
                "id": number,
                "file_name": f"{number}.jpg",
                "height": HEIGHT,
                "width": WIDTH,
                "license": 4,
                "flickr_url": f"http://example.org/{number}",
                "complete": number == 1,
            }
            for number in (1, 2)
        ],
        "annotations": [
            {
                "id": row,
                "image_id": image,
                "category_id": category,
                "iscrowd": crowd,
                "area": 1,
                "segmentation": encode_mask(mask),
            }
            for row, (image, category, crowd, mask) in enumerate(annotations)
        ],
    }
    (folder / "instances.json").write_text(json.dumps(content))
    return folder


def _labels(folder: Path) -> Path:
    """Write what a teacher says of the incomplete picture: a second object."""
    thing = {
        "name": "dog",
        "score": 0.75,
        "box": [40, 10, 70, 40],
        "mask": encode_mask(_box(10, 40, 40, 60)),
        "mask_class_agrees": True,
        "fill": 0.67,
    }
    picture = {"file": "/x/images/2.jpg", "width": WIDTH, "height": HEIGHT, "objects": [thing]}
    file = folder / "labels.json"
    file.write_text(json.dumps({"names": [], "pictures": [picture]}))
    return file


def _pictures(folder: Path) -> list[PackedPicture]:
    taught = read_labels([_labels(folder)])
    found = list(stills(_coco(folder / "coco"), taught, CLASSES))
    for number in (0, 4):
        path = folder / "cut" / "ride" / f"{number:05d}.jpg"
        _jpeg(path, 10 + number)
        Image.fromarray(_box(5, 5, 50, 50)).save(path.with_suffix(".png"))
    shots = cutouts(folder / "cut", 1, {}, {"ride": "dog"})
    return found + [frame_of(shot, CLASSES) for shot in shots]


def test_what_is_packed_is_read_again_with_licence_and_source(tmp_path: Path) -> None:
    file = tmp_path / "demo.zip"
    write_pack(file, _pictures(tmp_path), CLASSES)
    packed = PackedPictures(file)
    assert packed.classes == tuple(CLASSES)
    assert [one.sequence for one in packed.pictures] == ["", "", "ride", "ride"]
    assert packed.pictures[0].url == "http://example.org/1"
    assert packed.pictures[0].license == "Attribution License"
    assert packed.pictures[2].source == "DAVIS 2016"
    whole, part, frame = (packed.read(number) for number in (0, 1, 2))
    # In a complete picture only the crowd is ignored.
    assert (whole.ignored == np.where(_box(30, 30, 60, 80), DOUBTFUL, KNOWN)).all()
    assert part.labels.tolist() == [0, 2]
    assert part.certainties.tolist() == [1.0, 0.75]
    assert part.ignored[0, 0] == KNOWN  # an object is known
    assert part.ignored[59, 0] == UNKNOWN  # nobody looked there
    assert part.ignored[20, 65] == DOUBTFUL  # in the box of the dog, not in its mask
    assert frame.labels.tolist() == [2]
    assert (frame.masks[0] == _box(5, 5, 50, 50)).all()
    assert frame.frame.shape == (HEIGHT, WIDTH, 3)


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path)
    files = [tmp_path / name for name in ("a.zip", "b.zip")]
    for file, order in zip(files, (pictures, pictures[::-1]), strict=True):
        write_pack(file, order, CLASSES)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_frames_of_videos_are_left_out_until_the_rest_fits(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path)
    everything = fitting(pictures, 10**9, 0)
    assert everything == pictures
    sizes = sum(Path(one.file).stat().st_size for one in pictures)
    fewer = fitting(pictures, sizes - 100, 0)
    assert [one.sequence for one in fewer].count("") == 2
    assert len(fewer) < 4
    with pytest.raises(DatasetError, match="still pictures are more than 100"):
        fitting(pictures, 100, 0)


def test_another_file_is_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "demo.zip"
    file.write_bytes(b"no zip")
    with pytest.raises(DatasetError, match="no file of packed pictures"):
        PackedPictures(file)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("annotations.xml", "", r"no file of packed pictures: it has no index\.json"),
        ("index.json", "{", "no file of packed pictures"),
        ("index.json", "[]", "has no list of classes"),
        ("index.json", '{"classes": ["dog"]}', "has no list of pictures"),
    ],
)
def test_another_archive_is_one_clear_error(
    tmp_path: Path, name: str, content: str, sentence: str
) -> None:
    with zipfile.ZipFile(tmp_path / "demo.zip", "w") as archive:
        archive.writestr(name, content)
    with pytest.raises(DatasetError, match=sentence):
        PackedPictures(tmp_path / "demo.zip")
