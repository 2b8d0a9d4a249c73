"""The service that pulls weights before servers start: what it runs, and who sees the result."""

import os
import subprocess

import pytest
import yaml

from support.compose_stack import CHECKOUT

SERVICES = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())["services"]
FOLDER = "/var/lib/maskstream-weights"


@pytest.fixture
def start(tmp_path):
    """Runs the service's command with a `maskstream` that prints what it was called with."""
    program = tmp_path / "maskstream"
    program.write_text('#!/bin/sh\necho "maskstream $*"\n')
    program.chmod(0o755)

    def run(**variables):
        service = SERVICES["weights"]
        command = [*service["entrypoint"], *service["command"]]
        unescaped = [word.replace("$$", "$") for word in command]
        environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **variables}
        return subprocess.run(
            unescaped, env=environ, capture_output=True, text=True, check=True
        ).stdout.strip()

    return run


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({}, "maskstream weights pull demo --yes"),
        ({"MASKSTREAM_MODEL": "", "MASKSTREAM_WEIGHTS": ""}, "maskstream weights pull demo --yes"),
        ({"MASKSTREAM_MODEL": "daq_r50_ovis"}, "maskstream weights pull daq_r50_ovis --yes"),
        (
            {"MASKSTREAM_MODEL": "daq_r50_ovis", "MASKSTREAM_WEIGHTS": "auto"},
            "maskstream weights pull daq_r50_ovis --yes",
        ),
        (
            {"MASKSTREAM_MODEL": "daq_r50_ovis", "MASKSTREAM_WEIGHTS": "/weights/a b.pth"},
            "nothing is pulled: MASKSTREAM_WEIGHTS is /weights/a b.pth",
        ),
    ],
)
def test_what_env_names_is_pulled(start, variables, line):
    assert start(**variables) == line


@pytest.mark.parametrize("suffix", ["", "-gpu"])
def test_servers_wait_for_the_weights_and_cannot_change_them(suffix):
    puller = SERVICES[f"weights{suffix}"]
    assert puller["volumes"] == [f"pulled-weights:{FOLDER}"]
    assert puller["networks"] == ["outside"]
    for name in ("server", "worker"):
        service = SERVICES[f"{name}{suffix}"]
        assert service["image"] == puller["image"]
        assert service["profiles"] == puller["profiles"]
        assert f"pulled-weights:{FOLDER}:ro" in service["volumes"]
        waits = dict(service["depends_on"])
        assert waits.pop("redis") == {"condition": "service_healthy"}
        assert waits == {f"weights{suffix}": {"condition": "service_completed_successfully"}}


def test_the_image_has_the_folder_and_names_it():
    image = (CHECKOUT / "docker" / "server.Dockerfile").read_text()
    assert f"MASKSTREAM_WEIGHTS_DIR={FOLDER} " in image
    created = image.partition("install -d -o maskstream -g maskstream")[2].partition("COPY")[0]
    assert FOLDER in created.split()
