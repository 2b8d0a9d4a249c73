"""Curves of a run: event files where TensorBoard is installed, nothing where it is not."""

import sys

import pytest

from maskstream_train.training.journal import journal
from maskstream_train.training.tensorboard import EVENTS
from support.curves import install_tensorboard, written

INTERVALS = [{"step": 10.0, "loss": 4.0, "it_s": 2.5}, {"step": 20.0, "loss": 3.0, "it_s": 2.0}]


def record(run):
    with journal(run / "segmenter.jsonl", "segmenter") as add:
        for facts in INTERVALS:
            add(0.5, facts)


def test_intervals_of_a_stage_are_its_curves(tmp_path, monkeypatch):
    install_tensorboard(monkeypatch)
    record(tmp_path)
    assert written(tmp_path) == {
        "segmenter": [("loss", 10, 4.0), ("it_s", 10, 2.5), ("loss", 20, 3.0), ("it_s", 20, 2.0)]
    }


def test_without_tensorboard_the_journal_is_all_there_is(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorboard", raising=False)
    monkeypatch.setattr(sys, "path", [])
    record(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["segmenter.jsonl"]


def test_tensorboard_itself_reads_the_curves(tmp_path):
    reason = "TensorBoard is not installed; it is optional and no part of the extra dev"
    reading = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason=reason
    )
    record(tmp_path)
    events = reading.EventAccumulator(str(tmp_path / EVENTS / "segmenter"))
    events.Reload()
    assert events.Tags()["scalars"] == ["loss", "it_s"]
    assert [(each.step, each.value) for each in events.Scalars("loss")] == [(10, 4.0), (20, 3.0)]
