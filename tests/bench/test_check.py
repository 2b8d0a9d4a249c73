"""`maskstream bench check`: what it measures, and when it fails."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from maskstream_bench import check as module
from maskstream_bench.check import (
    LEAST_SHARE,
    REFERENCES,
    TRIES,
    check,
    demo_parts,
    fallen,
    ratios_of,
)
from maskstream_bench.reference import SIZE, layers_work

RECORDED = Path(__file__).parents[2] / "docs" / "performance-ratios.json"


def both(**ratios: float) -> dict[str, dict[str, float]]:
    return {fixed: dict(ratios) for fixed in REFERENCES}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "ratios.json"
    path.write_text(json.dumps(both(step=1.0, masks=10.0)))
    return path


@pytest.fixture
def measured(monkeypatch):
    """Lets measurements have given ratios, one after the other."""

    def put(*rows: dict[str, dict[str, float]]) -> Iterator[dict[str, dict[str, float]]]:
        left = iter(rows)
        monkeypatch.setattr(module, "ratios_of", lambda parts, rounds: next(left))
        parts = dict.fromkeys([*REFERENCES, "step", "masks"])
        monkeypatch.setattr(module, "demo_parts", lambda: parts)
        return left

    return put


def run(path: Path, *options: str):
    return CliRunner().invoke(check, [str(path), *options])


def test_what_is_as_quick_as_recorded_passes_at_once(measured, recorded):
    left = measured(both(step=0.81, masks=30.0), {})
    done = run(recorded)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["runs"] == both(step=0.81, masks=30.0)
    assert list(left) == [{}]


def test_what_stays_slow_fails_with_its_name_and_share(measured, recorded):
    measured(*[both(step=0.79, masks=10.0)] * TRIES)
    done = run(recorded)
    assert done.exit_code == 1
    assert "step: 79% and 79% of what is recorded by layers and product" in done.output
    assert "masks" not in done.output


def test_what_only_one_kind_of_fixed_work_calls_slower_is_another_cpu(measured, recorded):
    measured({"layers": {"step": 0.9, "masks": 9.0}, "product": {"step": 0.5, "masks": 5.0}})
    assert run(recorded).exit_code == 0


def test_what_was_slow_once_is_measured_again(measured, recorded):
    measured(both(step=0.5, masks=10.0), both(step=0.9, masks=7.0))
    done = run(recorded)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["runs"] == both(step=0.9, masks=10.0)


def test_a_ratio_that_is_no_number_has_fallen():
    assert fallen(both(step=float("nan")), both(step=1.0))
    assert not fallen(both(step=LEAST_SHARE), both(step=1.0))


def test_a_record_of_other_parts_or_none_is_one_sentence(measured, recorded, tmp_path):
    measured(both(step=1.0, masks=1.0), both(step=1.0, masks=1.0))
    recorded.write_text(json.dumps(both(step=1.0)))
    assert "record it anew with --record" in run(recorded).output
    done = run(tmp_path / "nowhere.json")
    assert done.exit_code != 0
    assert "cannot be read" in done.output


def test_what_is_measured_is_recorded_on_demand(measured, tmp_path):
    measured(both(step=2.0, masks=3.0))
    path = tmp_path / "new.json"
    assert run(path, "--record").exit_code == 0
    assert json.loads(path.read_text()) == both(step=2.0, masks=3.0)


def test_a_ratio_grows_with_speed():
    def work(times: int):
        return lambda: [sum(range(20_000)) for _ in range(times)]

    parts = {"layers": work(8), "product": work(8), "slow": work(32), "quick": work(2)}
    for found in ratios_of(parts, 5).values():
        assert found["quick"] > 2 * found["slow"]


def test_the_fixed_work_is_the_same_each_time():
    first, second = layers_work()()[0], layers_work()()[-1]
    assert first.shape == (1, 24, SIZE[0] // 4, SIZE[1] // 4)
    assert first.isfinite().all()
    assert (first == second).all()


@pytest.mark.slow
def test_the_parts_of_the_demo_model_are_those_of_the_record():
    parts = demo_parts()
    found = ratios_of(parts, 1)
    for fixed, ratios in json.loads(RECORDED.read_text()).items():
        assert list(found[fixed]) == list(ratios)
        assert all(ratio > 0 for ratio in found[fixed].values())
