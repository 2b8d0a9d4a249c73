"""One step at a time from recorded memories: events exactly, values closely (SPEC.md 3.3, 3.4)."""

import numpy as np
import pytest

from support.recorded import assert_events

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def steps(recorded):
    """Every frame of the main case, each from the memory that the reference had before it."""
    model = recorded.model()
    return [
        model.track(recorded.segmented(time), [recorded.state_after(time - 1)], [(96, 160)])
        for time in range(10)
    ]


@pytest.mark.parametrize("time", range(10))
def test_a_step_has_the_recorded_events(recorded, steps, time):
    (output,), (state,) = steps[time]
    assert_events(output, state, recorded.frame(time))


@pytest.mark.parametrize("time", range(10))
def test_a_step_leaves_the_recorded_memory(recorded, steps, time):
    _, (state,) = steps[time]
    expected = recorded.state_after(time)
    for name in ("queries", "positions", "history", "logit_sums"):
        ours, theirs = getattr(state, name).numpy(), getattr(expected, name).numpy()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE, err_msg=name)
    assert state.next_track_id == expected.next_track_id


@pytest.mark.parametrize("time", range(10))
def test_a_step_shows_the_recorded_masks(recorded, steps, time):
    (output,), _ = steps[time]
    expected = recorded.frame(time)["alive_masks"].astype(np.float32)
    alive = (output.status < 3).numpy()
    ours = output.mask_logits.numpy()[alive]
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=5e-4)
    assert output.padded == (96, 160)
