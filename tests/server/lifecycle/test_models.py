"""What settings make of a preset."""

import pytest

from maskstream_model import load_model
from maskstream_server.config.settings import Settings
from maskstream_server.errors import StartError
from maskstream_server.lifecycle.models import load


def test_frames_become_as_small_as_the_settings_say():
    model = load(Settings(min_size=96)).live
    assert model.batch_key(360, 640) == (96, 192)
    assert model.info.fingerprint == load_model("demo", min_size=96).info.fingerprint
    assert model.info.fingerprint != load(Settings()).live.info.fingerprint


def test_a_task_that_a_preset_does_not_have_is_one_sentence():
    with pytest.raises(StartError, match="The model demo cannot be loaded: demo has no classes of"):
        load(Settings(task="semantic"))
