"""The report of `maskstream bench start`; its servers are processes of their own."""

import json

import pytest
from click.testing import CliRunner

from maskstream_bench.start import start


@pytest.mark.slow
def test_a_start_is_measured_until_the_server_is_ready():
    done = CliRunner().invoke(start, ["--rounds", "1"])
    assert done.exit_code == 0, done.output
    run = json.loads(done.output)["runs"]["start"]
    assert run["cpu_s"]["p50"] > 0
    assert run["seconds"]["p50"] > 0


def test_a_server_that_cannot_start_is_one_sentence(capfd):
    done = CliRunner().invoke(start, ["--model", "demon", "--rounds", "1"])
    assert done.exit_code != 0
    assert "ended before it was ready" in done.output
    assert "unknown model 'demon'" in capfd.readouterr().err
