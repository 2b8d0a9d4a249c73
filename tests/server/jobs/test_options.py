"""Options of an upload."""

import pytest

from maskstream_server.jobs.errors import BadOptionsError
from maskstream_server.jobs.options import VideoOptions, options_from, read_options


@pytest.mark.parametrize("text", [None, b"", b"{}"])
def test_no_options_are_the_defaults(text):
    assert read_options(text, "demo") == VideoOptions()


def test_options_come_back_as_they_were():
    options = VideoOptions("demo", "online", ("masks.zip", "ytvis.json"), 0.5, 0.25)
    assert options_from(options.to_json()) == options


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"speed": 2}', "There is no option 'speed'"),
        (b'{"mode": "offline"}', "mode must be 'online'"),
        (b'{"model": "other"}', "no model 'other'; it runs 'demo'"),
        (b'{"model": 3}', "model must be"),
        (b'{"artifacts": ["../secret"]}', "artifacts must be a list"),
        (b'{"artifacts": ["ytvis.json", "ytvis.json"]}', "artifacts must be a list of different"),
        (b'{"artifacts": "ytvis.json"}', "artifacts must be a list"),
        (b'{"artifacts": [["ytvis.json"]]}', "artifacts must be a list"),
        (b'{"mask_scale": 2}', "mask_scale must be"),
        (b'{"mask_scale": true}', "mask_scale must be"),
        (b'{"min_score": 1.5}', "min_score must be"),
        (b'{"min_score": NaN}', "min_score must be"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(text, sentence):
    with pytest.raises(BadOptionsError, match=sentence):
        read_options(text, "demo")
