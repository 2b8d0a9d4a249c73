"""The laws of the port, on a tiny model for each task."""

from functools import cache, partial

import pytest

from maskstream_model.conformance import LAWS, Case
from maskstream_model.port import StepInput, TrackStatus
from maskstream_train.evaluation.benchmark import FrameTracker
from support.examples import IS_THOROUGH
from support.tiny import tiny_frames
from support.videomt import tiny_model

NOISE = 1e-5
FRAMES = tiny_frames(14, seed=1)


@cache
def case(task):
    return Case(
        load=partial(tiny_model, task),
        frames=FRAMES,
        tolerance=NOISE,
        mask_tolerance=0.01,
        max_tracks=5,
        num_long=300 if IS_THOROUGH else 60,
    )


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_videomt_keeps_the_laws(law):
    law(case("instances"))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_panoptic_model_keeps_the_laws(law):
    law(case("panoptic"))


# The rows of a semantic picture are classes, which come and go with their pixels, not tracks.
TRACK_LAWS = {"ids_are_given_once", "the_limit_of_tracks_is_kept"}


@pytest.mark.parametrize(
    "law", [law for law in LAWS if law.__name__ not in TRACK_LAWS], ids=lambda law: law.__name__
)
def test_a_semantic_model_keeps_the_laws_that_are_not_about_tracks(law):
    law(case("semantic"))


def test_the_laws_about_tracks_exist():
    assert {law.__name__ for law in LAWS} >= TRACK_LAWS


def test_the_tiny_model_shows_every_status():
    model = tiny_model()
    (output,) = model.step([StepInput(FRAMES, model.begin())])
    seen = {int(status) for result in output.results for status in result.tracks.status}
    assert seen == {int(status) for status in TrackStatus}


def test_a_panoptic_model_can_be_measured_on_clips():
    assert isinstance(tiny_model("panoptic"), FrameTracker)
