"""`maskstream doctor`: its report, and what its exit code says."""

import json
import socket
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from maskstream_server.doctor import checks
from maskstream_server.doctor.command import doctor
from maskstream_server.doctor.finding import Finding
from support.logs import logging_as_before
from support.redis_server import free_port, own_redis

__all__ = ["logging_as_before", "own_redis"]

pytestmark = pytest.mark.usefixtures("logging_as_before")


@pytest.fixture
def no_model(monkeypatch) -> None:
    """The model takes seconds, and is looked at by tests of its own."""
    monkeypatch.setattr(checks, "check_model", lambda *_: [])


def run(*options: str, **variables: str) -> Result:
    return CliRunner().invoke(doctor, ["--port", str(free_port()), *options], env=variables)


def findings(*options: str, **variables: str) -> dict[str, dict[str, str]]:
    report = json.loads(run("--json", *options, **variables).stdout)
    return {each["name"]: each for each in report["findings"]}


@pytest.mark.usefixtures("no_model")
def test_all_is_well_and_the_exit_code_says_so():
    done = run()
    assert done.exit_code == 0, done.output
    first = done.output.splitlines()[0].split()
    assert first[1] == "device"


@pytest.mark.usefixtures("no_model")
def test_a_failure_is_reported_with_what_to_do_and_by_the_exit_code():
    done = run("--store", f"redis://127.0.0.1:{free_port()}")
    assert done.exit_code == 1
    (line,) = (line for line in done.output.splitlines() if line.startswith("failed"))
    assert "does not answer" in line
    assert "-> Start it" in done.output
    assert "1 of 8 failed" in done.output


@pytest.mark.usefixtures("no_model")
def test_a_worker_is_not_judged_as_a_server_that_lets_everybody_in(own_redis, tmp_path):
    shared = {"MASKSTREAM_STORE": own_redis.url, "MASKSTREAM_DATA_FOLDER": str(tmp_path)}
    container = {"MASKSTREAM_HOST": "0.0.0.0", "MASKSTREAM_METRICS_PORT": str(free_port())}
    found = findings("--worker", **shared, **container)
    assert "failed" not in {each["grade"] for each in found.values()}, found
    assert container["MASKSTREAM_METRICS_PORT"] in found["port"]["text"]
    assert not {"access", "store writing"} & set(found)
    assert findings(**shared, **container)["access"]["grade"] == "failed"
    nowhere = findings("--worker", **shared)
    assert "listens nowhere" in nowhere["worker"]["text"]


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("jobs", "store", "word"),
    [("1", "memory", "MASKSTREAM_STORE"), ("0", None, "MASKSTREAM_VIDEO_JOBS")],
)
def test_a_worker_with_nothing_to_do_has_failed(own_redis, tmp_path, jobs, store, word):
    done = run(
        "--worker",
        MASKSTREAM_STORE=store or own_redis.url,
        MASKSTREAM_DATA_FOLDER=str(tmp_path),
        MASKSTREAM_VIDEO_JOBS=jobs,
    )
    (line,) = (line for line in done.output.splitlines() if line.startswith("failed"))
    assert word in line
    assert "a worker cannot do its work here" in done.output
    assert done.exit_code == 1


@pytest.mark.usefixtures("no_model")
def test_a_metrics_port_in_use_is_reported_with_its_option(own_redis, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        place = ("--store", own_redis.url, "--data-folder", str(tmp_path))
        found = findings("--worker", "--metrics-port", str(port), *place)
    assert (found["port"]["grade"], "--metrics-port" in found["port"]["advice"]) == ("failed", True)


def test_what_takes_minutes_is_said_beside_the_report(monkeypatch):
    def slow(settings: object, report: Callable[[str], None]) -> list[Finding]:
        report("compile: building engine 1 of 1")
        return [Finding("compile", "ok", "compile in float32")]

    monkeypatch.setattr(checks, "check_backends", slow)
    done = run("--backends", "--json")
    assert done.stderr == "compile: building engine 1 of 1\n"
    assert json.loads(done.stdout)["findings"][-1]["name"] == "compile"


@pytest.mark.usefixtures("no_model")
def test_the_report_as_json():
    done = run("--json")
    report = json.loads(done.stdout)
    assert report["healthy"] is True
    assert {"name", "grade", "text", "advice"} == set(report["findings"][0])


def test_a_setting_that_cannot_be_is_the_only_finding():
    done = run("--json", MASKSTREAM_WEIGHTS="/nowhere.pth")
    (finding,) = json.loads(done.stdout)["findings"]
    assert done.exit_code == 1
    assert finding["name"] == "settings"
    assert "MASKSTREAM_WEIGHTS" in finding["text"]


def test_a_check_that_breaks_down_is_a_finding_itself(monkeypatch):
    def broken(device: str) -> list[Finding]:
        raise KeyError("redis_version")

    monkeypatch.setattr(checks, "check_device", broken)
    finding = next(checks.examine({}))
    assert (finding.name, finding.grade) == ("device", "failed")
    assert "KeyError" in finding.text
