"""The laws of the port, on a tiny model with chunks of four frames, and of one."""

from functools import cache, partial

import pytest

from maskstream_model.conformance import LAWS, Case
from support.sgmg import PROMPTS, tiny_model
from support.tiny import tiny_frames


@cache
def case(chunk_frames):
    return Case(
        load=partial(tiny_model, chunk_frames=chunk_frames),
        frames=tiny_frames(14, seed=1),
        options=PROMPTS,
        tolerance=1e-4,
        mask_tolerance=0.01,
        max_tracks=1,
        num_long=40,
    )


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_chunks_of_four_frames_keep_the_laws(law):
    law(case(4))


COSTLY = (
    "a_run_alone_repeats_bit_by_bit",
    "any_cut_into_steps_gives_the_same_finals",
    "sessions_that_share_steps_do_not_meet",
    "memory_is_bounded",
)
"""Two to three seconds of a core each; chunks of four frames keep them in every run."""


@pytest.mark.parametrize(
    "law",
    [pytest.param(law, marks=pytest.mark.slow if law.__name__ in COSTLY else ()) for law in LAWS],
    ids=lambda law: law.__name__,
)
def test_chunks_of_one_frame_keep_the_laws(law):
    law(case(1))
