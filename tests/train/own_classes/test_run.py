"""A model of own classes from a few steps: what is in its folder, and going on with it."""

import base64
import json
import re
from io import BytesIO

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from maskstream_model import load_model
from maskstream_model.checkpoint import load_weights
from maskstream_model.loading import shipped
from maskstream_model.port import ClassInfo
from maskstream_train.commands import train
from maskstream_train.own_classes.drawing import overlaid
from maskstream_train.own_classes.report import svg, write_report
from maskstream_train.own_classes.validation import read_journal, score_of
from support.curves import install_tensorboard, written
from support.own_pictures import QUICK, OwnPictures


def run(*arguments: str):
    return CliRunner().invoke(train, [*arguments])


def lines_of(folder):
    return read_journal(folder / "run" / "validation.jsonl")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two steps of each stage, and what they were asked with."""
    folder = tmp_path_factory.mktemp("own")
    own = OwnPictures(folder)
    asked = [*own.arguments, "--out", str(folder / "mine"), *QUICK]
    with pytest.MonkeyPatch.context() as patch:
        install_tensorboard(patch)
        done = run(*asked, "--steps", "4")
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith(f"maskstream serve --model {folder / 'mine'}\n")
    assert "Learned from 5 pictures, measured on 1 other. Starts from demo." in done.stderr
    return folder / "mine", asked


def test_the_folder_is_a_model_with_the_names_and_colours_of_its_classes(trained):
    folder, _ = trained
    info = load_model(str(folder)).info
    assert [each.name for each in info.classes] == ["washer", "bolt"]
    assert info.name == "mine"
    assert json.loads((folder / "model.json").read_text())["base"] == "demo"


def test_both_stages_are_measured_and_the_best_of_the_last_is_what_is_served(trained):
    folder, _ = trained
    lines = lines_of(folder)
    assert [(line["stage"], line["step"]) for line in lines] == [("segmenter", 2), ("tracker", 2)]
    assert all(line["best"] for line in lines)
    kept, last = load_weights(folder / "model.safetensors"), folder / "run" / "mine.safetensors"
    assert all(torch.equal(kept[name], value) for name, value in load_weights(last).items())


def test_a_backbone_that_is_frozen_stays_as_it_is_and_the_head_learns(trained):
    folder, _ = trained
    before, after = load_weights(shipped("demo")), load_weights(folder / "model.safetensors")
    backbone = [name for name in before if name.startswith("backbone.")]
    assert backbone
    assert all(torch.equal(before[name], after[name]) for name in backbone)
    moved = [name for name in before if name.startswith("sem_seg_head.pixel_decoder")]
    assert any(not torch.equal(before[name], after[name]) for name in moved)


def test_the_report_has_curves_and_pictures_and_needs_no_other_file(trained):
    folder, _ = trained
    text = (folder / "report.html").read_text()
    assert text.count("<polyline") + text.count("<circle") >= 2
    assert "AP50, classes aside" in text
    (picture,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    with Image.open(BytesIO(base64.b64decode(picture))) as drawn:
        assert max(drawn.size) == 480
    assert not re.search(r"(?:src|href)=\"(?!data:)|https?:|<script", text)
    drawings = {each.name for each in (folder / "run" / "pictures").iterdir()}
    assert drawings == {"segmenter-000002-0.jpg", "tracker-000002-0.jpg"}


def test_losses_and_scores_are_curves_of_tensorboard(trained):
    folder, _ = trained
    numbers = written(folder / "run")
    assert set(numbers) == {
        *("segmenter", "segmenter validation", "tracker", "tracker validation"),
    }
    assert {name for name, _, _ in numbers["segmenter"]} >= {"loss", "it_s"}
    scores = [line for line in lines_of(folder) if line["stage"] == "segmenter"][:1]
    assert [[name, 2, scores[0][name]] for name, _, _ in numbers["segmenter validation"]] == [
        list(each) for each in numbers["segmenter validation"]
    ]


def test_masks_are_drawn_in_the_colour_of_their_class():
    frame, mask = np.zeros((40, 60, 3), np.uint8), np.zeros((1, 40, 60), bool)
    mask[0, :, 30:] = True
    drawn = np.asarray(overlaid(frame, mask, [ClassInfo("cup", "#ff0000")], [""]))
    assert drawn[100, 400].tolist() == [127, 0, 0]
    assert not drawn[100, 100].any()


def test_names_in_a_report_are_escaped_and_no_points_are_no_curve(tmp_path):
    write_report(tmp_path / "r.html", "<b>", tmp_path, [])
    assert "<b>" not in (tmp_path / "r.html").read_text()
    assert svg("loss", {"loss": []}) == ""


def test_a_folder_with_a_model_is_not_overwritten_but_continued(trained):
    folder, asked = trained
    again = run(*asked, "--steps", "4")
    assert again.exit_code == 1
    assert "holds a model: continue it with --resume, or choose another --out" in again.stderr
    further = run(*asked, "--steps", "8", "--resume")
    assert further.exit_code == 0, further.output
    steps = [(line["stage"], line["step"]) for line in lines_of(folder)]
    assert steps[2:] == [("segmenter", 4), ("segmenter", 5), ("tracker", 3)]


def test_a_run_that_is_not_there_is_not_resumed(tmp_path):
    own = OwnPictures(tmp_path)
    done = run(*own.arguments, "--out", str(tmp_path / "typo"), "--resume", *QUICK)
    assert done.exit_code == 1
    assert "typo holds no run to resume" in done.stderr
    assert not (tmp_path / "typo").exists()


def test_a_model_is_not_continued_for_other_classes(trained, tmp_path):
    folder, _ = trained
    own = OwnPictures(tmp_path)
    own.content["categories"][0]["name"] = "nut"
    other = run(*own.arguments, "--out", str(folder), "--resume", *QUICK)
    assert other.exit_code == 1
    assert "is a model of other classes, or of another base" in other.stderr


def test_a_model_of_ones_own_is_a_start_for_another(trained, tmp_path):
    folder, _ = trained
    own = OwnPictures(tmp_path, count=2)
    more = ["--init", str(folder), "--freeze", "segmenter", "--steps", "2", *QUICK]
    done = run(*own.arguments, "--out", str(tmp_path / "next"), *more)
    assert done.exit_code == 0, done.output
    assert "(known already: bolt, washer). Learned from 1 picture, measured on 1" in done.stderr
    before, after = load_weights(folder / "model.safetensors"), tmp_path / "next"
    learned = {
        name
        for name, value in load_weights(after / "model.safetensors").items()
        if not torch.equal(before[name], value) and not name.startswith("tracker.")
    }
    head = "sem_seg_head.predictor.class_embed."
    assert f"{head}weight" in learned <= {f"{head}weight", f"{head}bias"}


def test_the_best_of_a_stage_is_kept():
    low, high = ({"AP": ap, "AP50": ap} for ap in (0.1, 0.2))
    assert score_of(low) < score_of(high)
    assert score_of({"AP": -1.0, "AP50": -1.0}) == 0.0


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--stage", "tracker"], "--stage does not go with own classes"),
        (["--format", "packed"], "packed pictures have the classes of the demo model, not own"),
        (["--init", "nowhere"], "--init nowhere is no weight file, no model folder and no preset"),
        (["--set", "speed=1"], "there is no setting speed"),
        (["--steps", "1", "--minutes", "1"], "either in minutes or in steps"),
        (["--device", "cuda:99"], "device 'cuda:99' cannot be used here"),
        (["--out", "demo"], "demo is a preset: choose another folder"),
        (["--out", "my model"], "the name of a model is up to 64 letters"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence_and_makes_no_folder(
    more, sentence, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    done = run(*OwnPictures(tmp_path / "data").arguments, "--out", "mine", *more)
    assert done.exit_code == 1
    assert sentence in done.stderr.splitlines()[-1]
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    "option", [("--freeze", "none"), ("--validation", "0.1"), ("--every", "5"), ("--images", ".")]
)
def test_options_of_own_classes_need_data(option):
    done = run("--preset", "demo", *option)
    assert done.exit_code == 1
    assert f"{option[0]} goes with --data and without --preset" in done.stderr


def test_weights_to_start_from_that_are_not_there_are_one_sentence():
    done = run("--preset", "demo", "--init", "nowhere.safetensors")
    assert done.exit_code == 2
    assert "'nowhere.safetensors' does not exist" in done.stderr
