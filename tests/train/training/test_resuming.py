"""A run that was stopped or killed continues as if nothing had happened, bit by bit."""

import multiprocessing
import os
import signal
from dataclasses import replace

import pytest
import torch

from maskstream_model.errors import TrainingError
from maskstream_train.training.loop import train
from maskstream_train.training.run_options import Budget
from support.small_runs import Listened, fresh_stage, run_until_killed


def everything_of(run):
    states = run.optimiser.state_dict()["state"]
    moments = {f"{row} {key}": value for row, s in states.items() for key, value in s.items()}
    return run.module.state_dict(), run.averaged.tensors, moments


def assert_equal_ends(one, other):
    assert one.step == other.step == 8
    for these, those in zip(everything_of(one), everything_of(other), strict=True):
        assert [key for key in these if not torch.equal(these[key], those[key])] == []


STOPS = [("tracker", 3), ("refiner", 3)]
MORE_STOPS = [("segmenter", 1), ("segmenter", 6), ("tracker", 1), ("tracker", 6), ("refiner", 5)]


@pytest.mark.parametrize(
    ("name", "steps_before"),
    [*STOPS, *(pytest.param(*each, marks=pytest.mark.slow) for each in MORE_STOPS)],
)
def test_a_stopped_run_continues_with_the_same_losses(name, steps_before, small_run, tmp_path):
    """Steps 1, 3 and 6 stand in stage A, at its end, and in the middle of a batch's views.

    The refiner matches in another way from step 4 on.
    """
    straight, heard = [], []
    whole = train(Listened(fresh_stage(name, small_run), straight), small_run)
    parts = replace(small_run, out=tmp_path / "parts")

    def ask_to_stop(step):
        if step == steps_before:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        train(Listened(fresh_stage(name, parts), heard, ask_to_stop), parts)
    assert len(heard) == steps_before
    resumed = train(Listened(fresh_stage(name, parts), heard), replace(parts, resume=True))
    assert heard == straight
    assert_equal_ends(whole, resumed)


@pytest.mark.slow
def test_a_killed_run_continues_from_its_last_checkpoint_in_another_process(small_run, tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    tracker = replace(small_run.tracker, short_share=0.0, short_steps=6)
    options = replace(small_run, tracker=tracker, checkpoint_minutes=0.0)
    straight, heard = [], []
    whole = train(Listened(fresh_stage("tracker", options), straight), options)
    parts = replace(options, out=tmp_path / "parts")
    arguments = ("tracker", parts, 5)
    child = multiprocessing.get_context("spawn").Process(target=run_until_killed, args=arguments)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    resumed = train(Listened(fresh_stage("tracker", parts), heard), replace(parts, resume=True))
    torch.set_num_threads(threads)
    assert heard == straight[4:]
    assert_equal_ends(whole, resumed)


def test_a_run_is_not_overwritten_by_another_one(small_run):
    train(fresh_stage("segmenter", small_run), small_run)
    written = small_run.weights_path.read_bytes()
    with pytest.raises(TrainingError, match="is a run: continue with --resume"):
        train(fresh_stage("segmenter", small_run), small_run)
    assert small_run.weights_path.read_bytes() == written


def test_a_run_is_not_resumed_with_another_seed(small_run):
    train(fresh_stage("segmenter", small_run), replace(small_run, budget=Budget(steps=1)))
    other = replace(small_run, resume=True, plan=replace(small_run.plan, seed=9))
    with pytest.raises(TrainingError, match="seed 0"):
        train(fresh_stage("segmenter", other), other)
