"""`maskstream eval --format ref-ytvos|ref-davis`: what a model writes for sentences."""

import numpy as np
import pytest
from click.testing import CliRunner

from maskstream_model.errors import ConfigError
from maskstream_model.port import Crops, Prompt, SessionOptions
from maskstream_model.video import segment_video
from maskstream_train.commands import evaluate
from maskstream_train.data.pictures import read_frame
from maskstream_train.data.referring import open_referring, read_objects
from maskstream_train.evaluation.benchmark_answer import answer_referring
from maskstream_train.evaluation.referring.run import front_ids, run_referring
from maskstream_train.evaluation.request import Request
from support.sentences import SIZE, Sentences
from support.sgmg import tiny_model
from support.tiny import tiny_frames


@pytest.fixture
def truth(tmp_path):
    """The tiny data set with frames on which the tiny model finds something."""
    from PIL import Image

    truth = Sentences(tmp_path / "data")
    truth.write()
    folder = truth.split / "JPEGImages"
    for path, frame in zip(sorted(folder.rglob("*.jpg")), tiny_frames(4), strict=True):
        Image.fromarray(frame).resize(SIZE[::-1]).save(path)
    return truth


def silent(frames):
    return lambda done: None


def test_each_sentence_has_the_masks_that_it_finds_alone(tmp_path, truth):
    model, videos = tiny_model(), open_referring(truth.split)
    found = run_referring(model, videos, "ref-ytvos", tmp_path / "out", lambda done: None)
    assert found is not None
    assert 0 <= found.overall["J&F"] <= 1
    shown = 0
    for video in videos:
        frames = [read_frame(video.info, number) for number in range(len(video.info.pictures))]
        for each in video.expressions:
            alone = SessionOptions((Prompt(each.text, 0),))
            for frame, result in zip(
                video.info.pictures, segment_video(model, frames, alone), strict=True
            ):
                name = f"{frame.stem}.png"
                path = tmp_path / "out" / "Annotations" / video.info.name / each.id / name
                rows = np.arange(len(result.tracks.track_ids))
                expected = result.masks.crops(rows, SIZE).whole().any(0)
                assert ((read_objects(path, SIZE) > 0) == expected).all()
                shown += int(expected.sum())
    assert shown > 0


def test_annotators_have_pictures_of_their_own_objects(tmp_path, truth):
    out = tmp_path / "out"
    request = Request(data=str(truth.split), out=out)
    answer = answer_referring(tiny_model(), request, "ref-davis", {}, silent)
    assert set(answer.as_json()["score"]["overall"]) == {"J&F", "J", "F"}
    pictures = sorted(str(path.relative_to(out)) for path in out.rglob("*.png"))
    assert len(pictures) == 2 * 4
    assert pictures[0] == "anno_0/bus/00000.png"
    ids = {int(v) for path in out.rglob("*.png") for v in np.unique(read_objects(path, SIZE))}
    assert ids <= {0, 1, 2}


def test_of_several_objects_the_surest_has_the_pixel():
    boxes = np.array([[0, 0, 3, 1], [1, 0, 4, 1]], np.int32)
    bitmaps = (np.array([[True, True, True]]), np.array([[True, False, True]]))
    logits = (np.array([[1, 1, 1]], np.float32), np.array([[2, 2, 0.5]], np.float32))
    crops = Crops((1, 5), boxes, np.array([3, 2]), bitmaps, logits)
    assert front_ids(crops, {4: 0, 7: 1}).tolist() == [[4, 7, 4, 7, 0]]
    assert front_ids(crops, {7: 1}).tolist() == [[0, 7, 0, 7, 0]]


def test_without_a_truth_the_results_are_written_and_nothing_is_measured(tmp_path, truth):
    for path in (truth.split / "Annotations").rglob("*.png"):
        path.unlink()
    for folder in (truth.split / "Annotations").iterdir():
        folder.rmdir()
    request = Request(data=str(truth.file), out=tmp_path / "out")
    answer = answer_referring(tiny_model(), request, "ref-ytvos", {}, silent)
    assert answer.score is None
    assert len(list((tmp_path / "out").rglob("*.png"))) == 4 * 3 + 2


def test_videos_of_the_test_set_are_left_out(tmp_path, truth):
    test = tmp_path / "test.json"
    test.write_text('{"videos": {"cars": {}}}')
    request = Request(data=str(truth.split), out=tmp_path / "out", beyond=test)
    answer = answer_referring(tiny_model(), request, "ref-ytvos", {}, silent)
    assert set(answer.as_json()["score"]["per_video"]) == {"bus"}


def test_objects_are_not_chosen(truth):
    request = Request(data=str(truth.split), objects="either")
    with pytest.raises(ConfigError, match="--objects has no part in ref-ytvos"):
        answer_referring(tiny_model(), request, "ref-ytvos", {}, silent)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "demo takes no prompts"),
        (["--data=nowhere"], "there is no file"),
        (["--names=car"], "--names has no part in a benchmark"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path, truth, options, sentence):
    out = tmp_path / "out"
    given = ["--format=ref-ytvos", "--weights=random", f"--data={truth.split}", f"--out={out}"]
    result = CliRunner().invoke(evaluate, [*given, *options])
    assert result.exit_code != 0
    assert sentence in " ".join(result.output.split())
    assert not out.exists()
