"""The model that a new user gets without asking: shipped weights of preset `demo`."""

from collections import Counter
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from maskstream_client.video import VideoReader
from maskstream_model import load_model
from maskstream_model.port import TrackStatus
from maskstream_model.video import segment_video
from maskstream_train.evaluation.evaluate import evaluate_model
from maskstream_train.evaluation.sources import AnnotatedClip
from support.sample_clip import sample_clip

CLIP = Path(__file__).resolve().parents[2] / "examples" / "cars.mp4"
SHIPPED = files("maskstream_model") / "weights" / "demo.safetensors"


@pytest.fixture(scope="module")
def run():
    """Tracks of the sample clip's first frames, as the demo would find them."""
    model = load_model("demo")
    state = model.begin()
    outputs = []
    for frame in sample_clip(num_frames=24).frames:
        output, state = model.track_frame(frame, state)
        outputs.append(output)
    return outputs


def test_the_file_is_small_and_says_how_it_was_trained():
    assert SHIPPED.stat().st_size <= 25_000_000
    with safe_open(SHIPPED, "pt") as file:
        facts = file.metadata()
    assert facts["preset"] == "demo"
    assert any("minutes" in key for key in facts)


def test_each_car_of_a_real_clip_has_one_id_and_its_name():
    with VideoReader(CLIP) as video:
        frames = [frame.pixels for frame in islice(video, 70)]
    model = load_model("demo")
    names = [each.name for each in model.info.classes]
    shown = Counter[tuple[int, str]]()
    for result in segment_video(model, frames):
        tracks = result.tracks
        sure = tracks.scores >= model.info.show_score_min
        ids, labels = tracks.track_ids[sure].tolist(), tracks.labels[sure].tolist()
        shown.update((track, names[label]) for track, label in zip(ids, labels, strict=True))
    assert [each for each, frames in sorted(shown.items()) if frames >= 20] == [
        (1, "car"),
        (2, "car"),
        (3, "car"),
    ]


def test_what_it_shows_of_a_generated_clip_is_mostly_right():
    """It misses more than it invents; docs/demo-model.md has the figures."""
    clip = sample_clip(num_frames=24)
    crowd = np.zeros(len(clip.labels), dtype=bool)
    pairs = zip(clip.frames, clip.masks, strict=True)
    report = evaluate_model(
        load_model("demo"), [AnnotatedClip(1, "sample", 24, clip.labels, crowd, pairs)]
    )
    assert report.identities.recall > 0.5
    assert report.identities.precision > 0.8


def test_its_ids_are_in_order_of_birth_and_never_used_again(run):
    born = torch.cat([output.track_ids[output.status == TrackStatus.EMERGED] for output in run])
    assert born.tolist() == list(range(1, len(born) + 1))
