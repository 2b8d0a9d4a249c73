"""One step at a time from recorded memories: events exactly, values closely.

See docs/model.md 3.3, 3.4.
"""

import numpy as np
import pytest

from support.recorded import assert_events
from support.runs import difference
from support.ties import steps_with_ties

TOLERANCE = 1e-4
MEMORY = ("queries", "positions", "history", "logit_sums")


@pytest.fixture(scope="module")
def steps(recorded):
    """Every frame of the main case, each from the memory that the reference had before it."""
    model = recorded.model()

    def step(time):
        before, expected = recorded.state_after(time - 1), recorded.state_after(time)
        (step,), _ = steps_with_ties(
            model,
            [lambda: (recorded.segmented(time), [(96, 160)])],
            before,
            lambda step: missed(step.state, expected),
        )
        return step

    return [step(time) for time in range(10)]


def missed(state, expected):
    """How far a memory is from the recorded one; infinite where it has other tracks."""
    pairs = ((getattr(state, name), getattr(expected, name).numpy()) for name in MEMORY)
    return max(difference(ours, theirs) for ours, theirs in pairs)


@pytest.mark.parametrize("time", range(10))
def test_a_step_has_the_recorded_events(recorded, steps, time):
    assert_events(steps[time].output, steps[time].state, recorded.frame(time))


@pytest.mark.parametrize("time", range(10))
def test_a_step_leaves_the_recorded_memory(recorded, steps, time):
    state, expected = steps[time].state, recorded.state_after(time)
    for name in MEMORY:
        ours, theirs = getattr(state, name).numpy(), getattr(expected, name).numpy()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE, err_msg=name)
    assert state.next_track_id == expected.next_track_id


@pytest.mark.parametrize("time", range(10))
def test_a_step_shows_the_recorded_masks(recorded, steps, time):
    output = steps[time].output
    expected = recorded.frame(time)["alive_masks"].astype(np.float32)
    alive = (output.status < 3).numpy()
    ours = output.mask_logits.numpy()[alive]
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=5e-4)
    assert output.padded == (96, 160)
