"""The tiny model still gives what was recorded; `record.py` says how to record anew."""

import numpy as np
import pytest

from golden.record import RUN, golden_model, outputs_of

# Other processors sum in another order.
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def recorded():
    with np.load(RUN) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def outputs(recorded):
    return outputs_of(golden_model(), list(recorded["frames"]))


def test_the_same_things_are_recorded(recorded, outputs):
    assert set(outputs) == set(recorded) - {"frames"}


def test_the_recording_has_every_status(recorded):
    statuses = [values for name, values in recorded.items() if name.startswith("status")]
    assert set(np.concatenate(statuses).tolist()) == {0, 1, 2, 3}


def test_identities_events_and_sizes_are_those_recorded(recorded, outputs):
    whole = [name for name in outputs if recorded[name].dtype == np.int64]
    assert len(whole) == 4 * len(recorded["frames"]) + 1
    for name in whole:
        np.testing.assert_array_equal(outputs[name], recorded[name], name)


def test_values_are_those_recorded(recorded, outputs):
    for name, values in outputs.items():
        np.testing.assert_allclose(
            values, recorded[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name
        )
