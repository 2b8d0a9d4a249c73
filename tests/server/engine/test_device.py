"""A step on a device that is emulated: no operands on two devices, and few waits of the host."""

import pytest
import torch

from maskstream_model import load_model
from maskstream_model.port import StepInput
from maskstream_server.engine.step import Stepper
from maskstream_server.engine.types import StepRequest
from maskstream_server.errors import StepFailedError
from maskstream_server.session.reporting import ResultOptions, StepReporter
from support.emulated_device import CUDA, EmulatedDevice, MixedDevicesError, place, place_module
from support.tiny import tiny_frames, tiny_model, tiny_panoptic_model

NUM_FRAMES = 6


def stepped(model, sessions=1):
    """The emulated device of the last step of some sessions that step together."""
    place_module(model.segmenter)
    place_module(model.tracker)
    model.device = CUDA
    stepper = Stepper(lambda: 0.0)
    with EmulatedDevice():
        states = [model.begin() for _ in range(sessions)]
    clips = [tiny_frames(NUM_FRAMES, seed=session) for session in range(sessions)]
    for frames in zip(*clips, strict=True):
        with EmulatedDevice() as device, torch.no_grad():
            requests = [
                StepRequest(
                    f"session {number}",
                    model,
                    StepInput([frame], state),
                    StepReporter(model, ResultOptions()),
                )
                for number, (frame, state) in enumerate(zip(frames, states, strict=True))
            ]
            outcomes = stepper.step(requests, [0.0] * sessions)
        for outcome in outcomes:
            if isinstance(outcome, StepFailedError):
                raise outcome
        states = [outcome[0].state for outcome in outcomes]
    return device


def test_operands_on_two_devices_are_refused_by_the_emulation():
    with EmulatedDevice(), pytest.raises(MixedDevicesError, match="add"):
        place(torch.ones(3)) + torch.ones(3)


def test_the_emulation_counts_what_waits_for_the_device():
    numbers = place(torch.arange(3.0))
    with EmulatedDevice() as device:
        assert numbers.device == CUDA
        assert (numbers * 2).cpu().device.type == "cpu"
        assert numbers[numbers > 0].shape == (2,)
        assert numbers.sum().item() == 3
    assert device.waits.total() == 3


def test_a_copy_to_the_device_waits_unless_it_is_asked_not_to():
    with EmulatedDevice() as device:
        there = torch.ones(3).to(CUDA)
        torch.ones(3).to(CUDA, non_blocking=True)
        there[torch.tensor([0, 2])]
        torch.tensor([1.0], device=CUDA)
    assert device.waits.total() == 3
    assert device.uploads.total() == 1


@pytest.mark.parametrize("sessions", [1, 3])
@pytest.mark.parametrize("build", [tiny_model, tiny_panoptic_model], ids=["instances", "panoptic"])
def test_a_step_mixes_no_devices(build, sessions):
    assert stepped(build(), sessions).waits


@pytest.mark.parametrize("sessions", [1, 16])
def test_a_step_waits_for_scores_and_then_for_all_else(sessions):
    device = stepped(tiny_model(), sessions)
    assert device.waits.total() == 2, device.waits


@pytest.mark.parametrize("sessions", [1, 3])
def test_a_panoptic_picture_waits_for_its_winners_and_its_pixels(sessions):
    device = stepped(tiny_panoptic_model(), sessions)
    assert device.waits.total() == 2 + 2 * sessions, device.waits


def test_the_demo_model_waits_for_overlaps_of_masks_too():
    device = stepped(load_model("demo"))
    assert device.waits.total() == 3, device.waits
