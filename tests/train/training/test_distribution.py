"""Two processes train as one: shared batches, averaged gradients, one writer."""

import math
import multiprocessing
import socket
from dataclasses import replace

import pytest
import torch

from maskstream_model.errors import TrainingError
from maskstream_train.training import loop
from maskstream_train.training.distribution import Share, anywhere, mean_over_processes
from maskstream_train.training.loop import train
from maskstream_train.training.run_options import Budget
from support.small_runs import STAGES, fresh_stage, run_as


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run_together(options):
    """Run two processes and return what each of them wrote, by stage."""
    port, spawn = free_port(), multiprocessing.get_context("spawn")
    children = [spawn.Process(target=run_as, args=(rank, 2, port, options)) for rank in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    return {
        name: [torch.load(options.out / f"{name}{rank}.pt") for rank in range(2)] for name in STAGES
    }


@pytest.mark.slow
def test_two_processes_train_one_model(small_run, capfd):
    plan = replace(small_run.plan, batch_size=3)
    options = replace(small_run, budget=Budget(steps=3), plan=plan)
    ends = run_together(options)
    assert "find_unused_parameters" not in capfd.readouterr().err, (
        "torch searched for unused parameters"
    )
    for name, (one, other) in ends.items():
        start = dict(fresh_stage(name, options).module.named_parameters())
        assert all(torch.equal(one["module"][key], other["module"][key]) for key in start)
        assert any(not torch.equal(one["module"][key], start[key]) for key in start)
        losses = [terms for end in (one, other) for terms in end["heard"]]
        assert len(losses) == 6
        assert all(math.isfinite(value) for terms in losses for value in terms.values())
        assert one["heard"] != other["heard"]
        assert (options.out / f"{name}.run.safetensors").exists()
        assert len((options.out / f"{name}.jsonl").read_text().splitlines()) == 1
    alone = train(fresh_stage("colours", options), replace(options, out=options.out / "alone"))
    for key, value in alone.module.state_dict().items():
        torch.testing.assert_close(ends["colours"][0]["module"][key], value)


@pytest.mark.parametrize(("count", "size"), [(8, 2), (8, 3), (5, 4), (1, 1)])
def test_shares_are_even_and_leave_nothing_out(count, size):
    shares = [Share(rank, size).of(count) for rank in range(size)]
    assert [row for rows in shares for row in rows] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_more_processes_than_clips_are_refused():
    with pytest.raises(TrainingError, match="3 processes cannot share a batch of 2 clips"):
        Share(0, 3).of(2)


def test_processes_need_a_budget_in_steps(small_run, monkeypatch):
    monkeypatch.setattr(loop, "share", lambda: Share(0, 2))
    options = replace(small_run, budget=Budget(minutes=1.0))
    with pytest.raises(TrainingError, match="budget in steps"):
        train(fresh_stage("segmenter", options), options)


def test_alone_nothing_is_exchanged():
    cpu = torch.device("cpu")
    assert mean_over_processes(3.0, cpu) == 3.0
    assert (anywhere(True, cpu), anywhere(False, cpu)) == (True, False)
