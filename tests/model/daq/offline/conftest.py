"""A tiny offline model, a clip for it, and its results."""

import pytest

from maskstream_model.video import segment_video
from support.offline import NUM_FRAMES
from support.tiny import tiny_frames, tiny_offline_model


@pytest.fixture(scope="module")
def frames():
    return tiny_frames(NUM_FRAMES, seed=1)


@pytest.fixture(scope="module")
def model():
    return tiny_offline_model()


@pytest.fixture(scope="module")
def results(model, frames):
    return list(segment_video(model, frames))
