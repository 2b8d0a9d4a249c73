"""`maskstream bench check`: what it measures, and when it fails."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from maskstream_bench import check as module
from maskstream_bench.check import LEAST_SHARE, TRIES, check, demo_parts, fallen, ratios_of
from maskstream_bench.reference import SIZE, reference_work

RECORDED = Path(__file__).parents[2] / "docs" / "performance-ratios.json"


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "ratios.json"
    path.write_text(json.dumps({"step": 1.0, "masks": 10.0}))
    return path


@pytest.fixture
def measured(monkeypatch):
    """Lets measurements have given ratios, one after the other."""

    def put(*rows: dict[str, float]) -> Iterator[dict[str, float]]:
        left = iter(rows)
        monkeypatch.setattr(module, "ratios_of", lambda parts, rounds: next(left))
        parts = {"reference": None, "step": None, "masks": None}
        monkeypatch.setattr(module, "demo_parts", lambda: parts)
        return left

    return put


def run(path: Path, *options: str):
    return CliRunner().invoke(check, [str(path), *options])


def test_what_is_as_quick_as_recorded_passes_at_once(measured, recorded):
    left = measured({"step": 0.81, "masks": 30.0}, {})
    done = run(recorded)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["runs"]["ratios"] == {"step": 0.81, "masks": 30.0}
    assert list(left) == [{}]


def test_what_stays_slow_fails_with_its_name_and_share(measured, recorded):
    measured(*[{"step": 0.79, "masks": 10.0}] * TRIES)
    done = run(recorded)
    assert done.exit_code == 1
    assert "step: 0.79, 79% of the recorded 1" in done.output
    assert "masks" not in done.output


def test_what_was_slow_once_is_measured_again(measured, recorded):
    measured({"step": 0.5, "masks": 10.0}, {"step": 0.9, "masks": 7.0})
    done = run(recorded)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["runs"]["ratios"] == {"step": 0.9, "masks": 10.0}


def test_a_ratio_that_is_no_number_has_fallen():
    assert fallen({"step": float("nan")}, {"step": 1.0})
    assert not fallen({"step": LEAST_SHARE}, {"step": 1.0})


def test_a_record_of_other_parts_or_none_is_one_sentence(measured, recorded, tmp_path):
    measured({"step": 1.0, "masks": 1.0}, {"step": 1.0, "masks": 1.0})
    recorded.write_text('{"step": 1.0}')
    assert "record it anew with --record" in run(recorded).output
    done = run(tmp_path / "nowhere.json")
    assert done.exit_code != 0
    assert "cannot be read" in done.output


def test_what_is_measured_is_recorded_on_demand(measured, tmp_path):
    measured({"step": 2.0, "masks": 3.0})
    path = tmp_path / "new.json"
    assert run(path, "--record").exit_code == 0
    assert json.loads(path.read_text()) == {"step": 2.0, "masks": 3.0}


def test_a_ratio_grows_with_speed():
    def work(times: int):
        return lambda: [sum(range(20_000)) for _ in range(times)]

    found = ratios_of({"reference": work(8), "slow": work(32), "quick": work(2)}, 5)
    assert found["quick"] > 2 * found["slow"]


def test_the_fixed_work_is_the_same_each_time():
    first, second = reference_work()(), reference_work()()
    assert first.shape == (1, 24, SIZE[0] // 4, SIZE[1] // 4)
    assert first.isfinite().all()
    assert (first == second).all()


@pytest.mark.slow
def test_the_parts_of_the_demo_model_are_those_of_the_record():
    parts = demo_parts()
    assert list(json.loads(RECORDED.read_text())) == [name for name in parts if name != "reference"]
    assert all(ratio > 0 for ratio in ratios_of(parts, 1).values())
