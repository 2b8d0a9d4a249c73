"""Which rules of a model the settings replace."""

from typing import Any

import pytest

from maskstream_model import load_model
from maskstream_server.config.settings import Settings
from maskstream_server.errors import StartError
from maskstream_server.lifecycle import models
from support.sgmg import tiny_model


@pytest.mark.parametrize(("frames", "lookahead"), [(None, 3), (1, 0), (36, 35)])
def test_a_setting_says_how_long_chunks_are(
    monkeypatch: pytest.MonkeyPatch, frames: int | None, lookahead: int
) -> None:
    def load_model(name: str, weights: str | None, device: str, **rules: Any) -> Any:
        return tiny_model(**rules)

    monkeypatch.setattr(models, "load_model", load_model)
    monkeypatch.setattr(models.families, "live_model", lambda name, model: model)
    loaded = models.load(Settings(model="sgmg_videoswin_t", chunk_frames=frames))
    assert loaded.live.info.lookahead == lookahead


def test_a_chunk_length_that_cannot_be_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "load_model", lambda *_, **rules: tiny_model(**rules))
    with pytest.raises(StartError, match="chunk_frames must be at most 36, not 37"):
        models.load(Settings(model="sgmg_videoswin_t", chunk_frames=37))


def test_a_model_without_chunks_refuses_their_length() -> None:
    with pytest.raises(StartError, match=r"cannot be loaded: .*chunk_frames"):
        models.load(Settings(model="demo", chunk_frames=4))


def test_frames_become_as_small_as_the_settings_say() -> None:
    model = models.load(Settings(min_size=96)).live
    assert model.batch_key(360, 640) == (96, 192)
    assert model.info.fingerprint == load_model("demo", min_size=96).info.fingerprint
    assert model.info.fingerprint != models.load(Settings()).live.info.fingerprint
