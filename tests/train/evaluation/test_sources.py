"""Clips to evaluate on: data sets on disk and synthetic clips with seeds of their own."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskstream_model.classes import EVERYDAY
from maskstream_model.errors import DatasetError
from maskstream_train.data.annotations import read_annotations
from maskstream_train.data.seeds import evaluation_seed, training_seed
from maskstream_train.data.synthetic import ClipGenerator, SyntheticConfig
from maskstream_train.evaluation.request import Request
from maskstream_train.evaluation.results import Detection, score_results
from maskstream_train.evaluation.run import open_source
from maskstream_train.evaluation.sources import open_dataset, synthetic_clips
from support.rle import encode_mask

CLASSES = ["cat", "flying disc"]


def _write(folder: Path, **changes: object) -> Path:
    """Write a data set of one video of two frames; its one object is seen on the second."""
    mask = np.zeros((6, 8), dtype=bool)
    mask[2:4, 1:5] = True
    content = {
        "videos": [{"id": 4, "height": 6, "width": 8, "file_names": ["v/0.jpg", "v/1.jpg"]}],
        "categories": [{"id": 9, "name": "flying_disc"}, {"id": 5, "name": "cat"}],
        "annotations": [
            {
                "id": 1,
                "video_id": 4,
                "category_id": 9,
                "iscrowd": 0,
                "segmentations": [None, encode_mask(mask)],
                "areas": [None, 8],
            }
        ],
        **changes,
    }
    (folder / "JPEGImages" / "v").mkdir(parents=True, exist_ok=True)
    for index in range(2):
        picture = Image.new("RGB", (8, 6), (100 * index, 0, 0))
        picture.save(folder / "JPEGImages" / "v" / f"{index}.jpg")
    file = folder / "instances.json"
    file.write_text(json.dumps(content))
    return file


def test_a_folder_gives_frames_masks_and_the_models_labels(tmp_path: Path) -> None:
    _write(tmp_path)
    dataset = open_dataset(tmp_path, CLASSES)
    (clip,) = dataset.clips
    frames = list(clip.frames)
    assert dataset.categories == (5, 9)
    assert clip.truth_labels.tolist() == [1]
    assert (clip.id, clip.name, clip.num_frames) == (4, "v", 2)
    assert [int(truth.sum()) for _, truth in frames] == [0, 8]
    assert frames[1][0].shape == (6, 8, 3)
    assert frames[1][0][..., 0].mean() > 90


def test_classes_that_are_not_the_models_leave_only_agnostic_numbers(tmp_path: Path) -> None:
    dataset = open_dataset(_write(tmp_path), ["car"])
    assert dataset.categories is None
    assert next(dataset.clips).truth_labels.tolist() == [0]


def test_a_missing_frame_is_named(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / "JPEGImages" / "v" / "1.jpg").unlink()
    with pytest.raises(DatasetError, match=r"video 4 lacks its file .*1\.jpg"):
        open_dataset(tmp_path, CLASSES)


def test_an_annotation_of_the_wrong_length_is_named(tmp_path: Path) -> None:
    broken = {"id": 77, "video_id": 4, "category_id": 9, "segmentations": [None], "areas": [None]}
    _write(tmp_path, annotations=[broken])
    with pytest.raises(DatasetError, match=r"video 4 is not as it should be.*1 segmentations"):
        open_dataset(tmp_path, CLASSES)


def test_an_annotation_without_its_class_is_named(tmp_path: Path) -> None:
    _write(tmp_path, annotations=[{"id": 77, "video_id": 4, "segmentations": [], "areas": []}])
    with pytest.raises(DatasetError, match=r"annotation 77 has no .category_id"):
        open_dataset(tmp_path, CLASSES)


def test_an_annotation_of_an_unlisted_video_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="annotations of a video that is not listed: 4"):
        read_annotations(_write(tmp_path, videos=[]))


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"videos": 3}'])
def test_a_file_that_is_no_annotation_is_one_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DatasetError, match=r"a\.json"):
        read_annotations(tmp_path / "a.json")


def test_a_folder_without_annotations_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="should hold one annotation file, it has none"):
        open_dataset(tmp_path, CLASSES)


def test_results_of_an_unknown_video_are_an_error(tmp_path: Path) -> None:
    truth = read_annotations(_write(tmp_path))
    with pytest.raises(DatasetError, match="results name video 5"):
        score_results(truth, [Detection(5, 9, 0.5, (None, None))])


def test_the_truth_of_the_composite_clips_scores_one(test_data: Path) -> None:
    folder = test_data / "annotated" / "composite"
    truth = read_annotations(folder / "composite_ytvis21.json")
    detections = [
        Detection(video.id, thing.category, 0.9, thing.segmentations)
        for video in truth.videos
        for thing in video.objects
    ]
    assert score_results(truth, detections, agnostic=True).overall["AP"] == pytest.approx(1)
    dataset = open_dataset(folder, CLASSES)
    frame, masks = next(iter(next(dataset.clips).frames))
    assert frame.shape == (360, 640, 3)
    assert masks.shape == (4, 360, 640)


def test_training_and_evaluation_never_share_a_seed() -> None:
    training = {training_seed(number) for number in range(100)}
    evaluation = {evaluation_seed(number) for number in range(100)}
    assert not training & evaluation
    assert len(training) == len(evaluation) == 100
    with pytest.raises(ValueError, match="0 or more"):
        training_seed(-1)


def test_synthetic_clips_come_from_the_evaluation_seed() -> None:
    config = SyntheticConfig(height=32, width=48, num_frames=2)
    clips = list(synthetic_clips(config, number=3, count=2))
    expected = ClipGenerator(config, evaluation_seed(3)).clip(1)
    assert [clip.id for clip in clips] == [1, 2]
    frames = [frame for frame, _ in clips[1].frames]
    assert np.array_equal(np.stack(frames), expected.frames)
    assert np.array_equal(clips[1].truth_labels, expected.labels)


def test_generated_clips_have_the_classes_of_demo() -> None:
    source = open_source(Request(clips=12, frames=2, size=(64, 112)), EVERYDAY.split())
    labels = np.concatenate([clip.truth_labels for clip in source.clips])
    assert source.categories is not None
    assert 3 < labels.max() < len(source.categories) == len(EVERYDAY.split())
