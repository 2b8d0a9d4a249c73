"""Every family keeps the laws of the port (docs/adding-a-model.md)."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from maskstream_bench.stand_in import StandIn
from maskstream_model.conformance import LAWS, Case
from maskstream_model.port import Prompt, SessionOptions
from support.examples import IS_THOROUGH
from support.stand_ins import colored_frames, stand_in
from support.tiny import (
    tiny_associated_model,
    tiny_frames,
    tiny_hungarian_model,
    tiny_model,
    tiny_offline_model,
    tiny_panoptic_model,
)

EXAMPLE = Path(__file__).parents[3] / "examples" / "brightest_blob" / "brightest_blob.py"


def brightest_blob():
    spec = importlib.util.spec_from_file_location("brightest_blob", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load("brightest-blob")


PROMPTS = SessionOptions(prompts=(Prompt("red", 0), Prompt("a cat", 4)))
TINY = tiny_frames(14, seed=2)
MOVED = {"tolerance": 1e-4, "mask_tolerance": 1e-3}
"""How far the values of a network move where frames share a step."""
LONG = 200 if IS_THOROUGH else 60
"""Frames of the long run of a tiny network: beyond its windows, patience and limit of tracks."""
CASES: dict[str, Callable[[], Case]] = {
    "dvis-daq": lambda: Case(tiny_model, TINY, **MOVED, num_long=LONG),
    "dvis-daq, panoptic": lambda: Case(tiny_panoptic_model, TINY, **MOVED, num_long=LONG),
    "dvis-daq, offline": lambda: Case(tiny_offline_model, TINY, **MOVED, num_long=LONG),
    "dvis-daq, offline, whole": lambda: Case(
        lambda: tiny_offline_model(window=None), TINY, **MOVED, num_long=40
    ),
    "hungarian": lambda: Case(tiny_hungarian_model, TINY, **MOVED, num_long=LONG),
    "mask2former": lambda: Case(tiny_associated_model, TINY, **MOVED, num_long=LONG),
    "mask2former, panoptic": lambda: Case(
        lambda: tiny_associated_model("panoptic"), TINY, **MOVED, num_long=LONG
    ),
    "brightest blob": lambda: Case(brightest_blob, colored_frames(), max_bytes=200),
    "bench": lambda: Case(lambda: StandIn(4, 2), colored_frames(8), max_bytes=64 << 10),
    "at once": lambda: Case(stand_in, colored_frames(), max_bytes=500),
    "late": lambda: Case(lambda: stand_in(3), colored_frames(), max_bytes=500),
    "whole video": lambda: Case(lambda: stand_in(None), colored_frames(), num_long=LONG),
    "prompted": lambda: Case(lambda: stand_in(0, "required"), colored_frames(), PROMPTS),
    "prompts are optional": lambda: Case(own_classes_or_prompts, colored_frames()),
    "prompts are given": lambda: Case(own_classes_or_prompts, colored_frames(), PROMPTS),
    "late and prompted": lambda: Case(lambda: stand_in(3, "optional"), colored_frames(), PROMPTS),
}


def own_classes_or_prompts():
    """Segments its own classes, or what prompts name."""
    model = stand_in(0, "optional")
    model.info = replace(model.info, classes=stand_in().info.classes)
    return model


OFFLINE = ("dvis-daq, offline", "dvis-daq, offline, whole")
# Each window chooses anew which tracks it shows, and fills its rows with naive sequences, which no
# limit of tracks counts: as the reference does (decisions/0009).
DIFFERENT = {(name, "the_limit_of_tracks_is_kept") for name in OFFLINE} | {
    ("dvis-daq, offline", "ids_are_given_once")
}


@pytest.fixture(scope="module")
def case_of():
    return cache(lambda name: CASES[name]())


@pytest.mark.parametrize(
    ("name", "law"),
    [(name, law) for name in CASES for law in LAWS if (name, law.__name__) not in DIFFERENT],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_every_family_keeps_the_laws(case_of, name, law):
    law(case_of(name))
