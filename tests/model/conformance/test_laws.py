"""Every family keeps the laws of the port (docs/adding-a-model.md)."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from maskstream_model.conformance import LAWS, Case
from maskstream_model.port import Prompt, SessionOptions
from support.stand_ins import colored_frames, stand_in
from support.tiny import tiny_frames, tiny_hungarian_model, tiny_model, tiny_panoptic_model

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
CASES: dict[str, Callable[[], Case]] = {
    "dvis-daq": lambda: Case(tiny_model, TINY, **MOVED),
    "dvis-daq, panoptic": lambda: Case(tiny_panoptic_model, TINY, **MOVED, num_long=100),
    "hungarian": lambda: Case(tiny_hungarian_model, TINY, **MOVED, num_long=100),
    "brightest blob": lambda: Case(brightest_blob, colored_frames(), max_bytes=200),
    "at once": lambda: Case(stand_in, colored_frames(), max_bytes=500),
    "late": lambda: Case(lambda: stand_in(3), colored_frames(), max_bytes=500),
    "whole video": lambda: Case(lambda: stand_in(None), colored_frames(), num_long=100),
    "prompted": lambda: Case(lambda: stand_in(0, "required"), colored_frames(), PROMPTS),
    "late and prompted": lambda: Case(lambda: stand_in(3, "optional"), colored_frames(), PROMPTS),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return CASES[request.param]()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_family_keeps_the_laws(case, law):
    law(case)
