"""`scripts/performance_page.py`: reports become the measured part of docs/performance.md."""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "performance_page.py"
GROWN = {
    "x": [1, 3],
    "step_ms": [50.0, 52.0],
    "memory_kib": [4.0, 8.0],
    "step_ms_per_x": 1.0,
    "memory_kib_per_x": 2.0,
}
REPORTS = {
    "engine": {"runs": {"this": {"product_ms": {"p50": 15.0}, "segmenter_products": 3.4}}},
    "check": {
        "machine": {"cpu": "Abacus", "cores": 2, "load_1m": 7.4},
        "runs": {"layers": {"whole step": 0.5}, "product": {"whole step": 0.25}},
    },
    "growth": {
        "runs": {
            "tracks": GROWN,
            "sessions": {**GROWN, "resident_mib_of_all": 12.5},
            "megapixels": GROWN,
            "length": {**GROWN, "new_step_ms": [50.0, 51.0], "long / new": 1.01},
        }
    },
    "overhead-5": {"runs": {"rle": {"server_cpu_ms": 2.5}}},
    "overhead-100": {"runs": {"rle": {"server_cpu_ms": 11.5}}},
}


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("performance_page", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_measured_part_names_cpu_day_commands_figures_and_slopes(script):
    text = script.text_of(REPORTS, "2026-11-29")
    assert text.startswith("Abacus, 2 cores, load 7 of other programs, 2026-11-29.")
    assert "| product | 15.0 |\n| segmenter, in products of 1024x1024 | 3.4 |\n" in text
    assert "| whole step | 0.5 | 0.25 |" in text
    assert "| tracks of a session | 1 to 3 | 50.0 to 52.0 | 1 a track | 4.0 to 8.0 | 2 a" in text
    assert "| rle | 2.5 | 11.5 |" in text
    assert text.count("`maskstream bench") == 4


def test_the_rest_of_the_page_stays(script):
    page = f"before\n{script.BEGIN}old\n{script.END}after\n"
    written = script.with_measured(page, "new\n")
    assert written == page.replace("old", "new")
    with pytest.raises(ValueError, match="no measured part"):
        script.with_measured("before\n", "new\n")
    script.with_measured(script.PAGE.read_text(), "")


def test_a_report_that_is_there_is_not_measured_again(script, tmp_path, monkeypatch):
    asked = []

    def run(command, **options):
        asked.append(command)
        Path(command[-1]).write_text("{}")

    monkeypatch.setattr(script.subprocess, "run", run)
    path = tmp_path / "engine.json"
    assert script.report(path, ["engine"]) == script.report(path, ["engine"]) == {}
    maskstream = str(Path(sys.executable).with_name("maskstream"))
    assert asked == [[maskstream, "bench", "engine", "--out", str(path)]]


def test_growth_is_drawn(script, tmp_path):
    script.draw(json.loads(json.dumps(REPORTS["growth"]["runs"])), tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
