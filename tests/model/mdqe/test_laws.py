"""The laws of the port, on a tiny model."""

import pytest

from maskstream_model.conformance import LAWS, Case
from maskstream_model.port import TrackStatus
from support.examples import IS_THOROUGH
from support.mdqe import tiny_model
from support.tiny import tiny_frames

CASE = Case(
    load=tiny_model,
    frames=tiny_frames(14, seed=1),
    tolerance=1e-4,
    mask_tolerance=0.01,
    max_tracks=5,
    num_long=200 if IS_THOROUGH else 40,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_mdqe_keeps_the_laws(law):
    law(CASE)


def test_the_tiny_model_shows_every_status():
    seen = {int(status) for result in CASE.results for status in result.tracks.status}
    assert seen == {int(status) for status in TrackStatus}
