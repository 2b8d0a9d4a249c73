"""The model that a new user gets without asking: shipped weights of preset `demo`."""

from importlib.resources import files

import numpy as np
import pytest
import torch
from safetensors import safe_open

from maskstream_model import load_model
from maskstream_model.port import TrackStatus
from maskstream_train.evaluation.evaluate import evaluate_model
from maskstream_train.evaluation.sources import AnnotatedClip
from support.sample_clip import sample_clip

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


def test_it_covers_what_a_generated_clip_shows():
    clip = sample_clip(num_frames=24)
    crowd = np.zeros(len(clip.labels), dtype=bool)
    pairs = zip(clip.frames, clip.masks, strict=True)
    report = evaluate_model(
        load_model("demo"), [AnnotatedClip(1, "sample", 24, clip.labels, crowd, pairs)]
    )
    assert report.identities.recall > 0.8
    assert report.identities.precision > 0.8


def test_its_ids_are_in_order_of_birth_and_never_used_again(run):
    born = torch.cat([output.track_ids[output.status == TrackStatus.EMERGED] for output in run])
    assert born.tolist() == list(range(1, len(born) + 1))
