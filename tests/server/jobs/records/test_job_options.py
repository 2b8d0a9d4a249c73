"""Options of an upload."""

import json

import pytest

from maskstream_protocol.rules import read_rules
from maskstream_server.errors import BadOptionsError, BadUploadError, NotOfModelError
from maskstream_server.jobs.records.job_options import (
    JobOptions,
    options_from,
    read_options,
)
from support.fake_model import fake_info

DEMO = fake_info("demo")


@pytest.mark.parametrize("text", [None, b"", b"{}"])
def test_no_options_are_the_defaults(text):
    assert read_options(text, DEMO, refines=False) == JobOptions()


def test_options_come_back_as_they_were():
    options = JobOptions(
        "demo", "online", ("masks.zip", "ytvis.json"), 0.5, 0.25, 3, "https://a.example/", 0.6
    )
    assert options_from(options.to_json()) == options
    ruled = JobOptions(rules=read_rules([{"name": "a", "on": "emerged", "classes": ["x"]}]))
    assert options_from(json.loads(json.dumps(ruled.to_json()))) == ruled


def test_a_rule_names_classes_of_the_model():
    text = b'{"rules": [{"name": "a", "on": "emerged", "classes": ["cat"]}]}'
    with pytest.raises(NotOfModelError, match="The rule 'a' names the class 'cat'"):
        read_options(text, DEMO, refines=False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"{", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"speed": 2}', "There is no option 'speed'"),
        (b'{"mode": "backwards"}', "mode must be 'online' or 'offline'"),
        (b'{"frame_stride": 0}', "frame_stride must be a whole number from 1"),
        (b'{"frame_stride": 1.5}', "frame_stride must be"),
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
        (b'{"show_min": -0.1}', "show_min must be"),
        (b'{"show_min": true}', "show_min must be"),
        (b'{"webhook": 3}', "webhook must be an address"),
        (b'{"rules": {}}', "rules must be a list of objects"),
        (b'{"rules": [{"name": "a", "on": "entered"}]}', "The rule 'a' on 'entered' needs zone"),
    ],
)
def test_what_cannot_be_is_reported_in_a_sentence(text, sentence):
    with pytest.raises(BadOptionsError, match=sentence):
        read_options(text, DEMO, refines=False)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32", "latin-1"])
def test_options_in_another_encoding_are_no_upload(encoding):
    with pytest.raises(BadUploadError, match=r"must be JSON in UTF-8\.$"):
        read_options('{"model": "später"}'.encode(encoding), DEMO, refines=False)


def test_a_model_without_a_refiner_cannot_refine():
    wish = b'{"mode": "offline"}'
    with pytest.raises(NotOfModelError, match="The model 'demo' has no refiner"):
        read_options(wish, DEMO, refines=False)
    assert read_options(wish, DEMO, refines=True).mode == "offline"
