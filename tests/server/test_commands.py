"""What keeps `serve` and `worker` from starting: one sentence, an exit code, and no traceback."""

import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import structlog
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from structlog.testing import capture_logs

from maskstream_server.commands import serve, worker
from maskstream_server.config.settings import Settings
from maskstream_server.errors import StartError
from maskstream_server.lifecycle.assembly import assemble
from maskstream_server.lifecycle.models import Models
from maskstream_server.lifecycle.server import bind, serve_forever
from maskstream_server.lifecycle.store_rights import check_store_rights
from support.redis_server import free_port
from support.server import FakeModel


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """`serve` sets logging up for its process; tests have theirs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def refused(*options: str, command: click.Command = serve, **variables: str) -> str:
    """Run a command where it must not start; returns the sentence it says."""
    done = CliRunner().invoke(command, options, env=variables)
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code != 0
    assert "Traceback" not in done.output
    return done.output.strip()


def test_a_port_in_use_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--port", str(port), "--weights", "random")
    assert f"port {port}" in said
    assert len(said.splitlines()) == 1


def test_a_bad_setting_is_one_sentence_that_names_the_variable():
    said = refused(MASKSTREAM_MAX_BATCH="many")
    assert "MASKSTREAM_MAX_BATCH" in said
    assert len(said.splitlines()) == 1


def test_an_open_server_that_others_reach_is_not_started_unawares():
    said = refused("--host", "0.0.0.0", "--port", "0", MASKSTREAM_INSECURE="")
    assert "--insecure" in said
    assert "MASKSTREAM_API_KEYS" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        (("--insecure",), {}),
        ((), {"MASKSTREAM_INSECURE": "true"}),
        ((), {"MASKSTREAM_API_KEYS": "a-key-for-testing"}),
    ],
)
def test_it_is_started_where_keys_are_set_or_it_is_meant(options, variables):
    said = refused("--host", "0.0.0.0", "--port", "0", "--model", "sam99", *options, **variables)
    assert "sam99" in said


def test_an_empty_list_of_keys_keeps_the_server_from_starting():
    said = refused("--port", "0", MASKSTREAM_API_KEYS="")
    assert "MASKSTREAM_API_KEYS" in said
    assert len(said.splitlines()) == 1


def test_a_task_that_the_model_cannot_do_is_one_sentence():
    said = refused("--port", "0", MASKSTREAM_TASK="semantic")
    assert "demo has no classes of stuff" in said
    assert len(said.splitlines()) == 1


def test_a_task_that_an_offline_model_cannot_do_is_one_sentence():
    model = ("--model", "daq_r50_ovis_offline", "--weights", "random")
    said = refused("--port", "0", *model, "--task", "semantic")
    assert "daq_r50_ovis_offline has no classes of stuff" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_is_no_checkpoint_is_one_sentence(tmp_path: Path, suffix: str):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(b"this is no checkpoint")
    said = refused("--port", "0", "--weights", str(path))
    assert str(path) in said
    assert len(said.splitlines()) == 1


def test_a_checkpoint_that_does_not_fit_is_reported_with_what_is_missing(tmp_path: Path):
    path = tmp_path / "other.safetensors"
    save_file({"some.weight": torch.zeros(3)}, path)
    said = refused("--port", "0", "--weights", str(path))
    assert "some.weight" in said
    assert "missing" in said


def test_an_unknown_model_is_one_sentence():
    said = refused("--port", "0", "--model", "sam99")
    assert "sam99" in said
    assert len(said.splitlines()) == 1


def test_an_address_of_a_store_that_cannot_be_read_is_one_sentence():
    said = refused("--port", "0", "--weights", "random", "--store", "redis://host:port/x")
    assert "MASKSTREAM_STORE" in said
    assert len(said.splitlines()) == 1


REDIS = ("--store", "redis://127.0.0.1:1")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), "MASKSTREAM_STORE"),
        (REDIS, "MASKSTREAM_DATA_FOLDER"),
        ((*REDIS, "--data-folder", "d", "--video-jobs", "0"), "MASKSTREAM_VIDEO_JOBS"),
    ],
)
def test_a_worker_with_nothing_to_share_is_one_sentence(options: tuple[str, ...], named: str):
    said = refused(*options, command=worker)
    assert named in said
    assert len(said.splitlines()) == 1


class ColdModel(FakeModel):
    def look(self, frames: object) -> None:
        raise RuntimeError("out of memory")


def test_a_model_that_cannot_warm_up_ends_the_server_with_its_reason():
    settings = Settings(port=0)
    with (
        bind(settings.host, settings.port) as bound,
        capture_logs(),
        pytest.raises(StartError, match="out of memory"),
    ):
        serve_forever(assemble(settings, Models(ColdModel())), bound)


def test_a_server_that_cannot_start_its_decoders_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    settings = Settings(port=0)
    with (
        bind(settings.host, settings.port) as bound,
        capture_logs(),
        pytest.raises(StartError, match=r"^No process to decode pictures"),
    ):
        serve_forever(assemble(settings, Models(FakeModel())), bound)


def test_help_names_every_option():
    said = CliRunner().invoke(serve, ["--help"]).output
    for option in ("--host", "--port", "--model", "--weights", "--device", "--store"):
        assert option in said
    assert "--deterministic" in said
    assert "MASKSTREAM_PORT" in said


@pytest.mark.parametrize("sessions", [True, False])
def test_a_redis_that_is_away_as_a_process_starts_is_logged_with_the_reason(tmp_path, sessions):
    port = free_port()
    settings = Settings(store=f"redis://:secret@127.0.0.1:{port}", data_folder=tmp_path)
    structlog.reset_defaults()
    with capture_logs() as lines:
        check_store_rights(settings, sessions=sessions)
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("store_away", "warning")
    assert str(port) in line["reason"]
    assert "secret" not in line["reason"]


@pytest.mark.parametrize(
    ("option", "code"),
    [(("--device-of-mine",), 2), (("--store", "nowhere"), 2), (("--host", "no.such.host"), 1)],
)
def test_a_setting_that_cannot_be_used_has_an_exit_code_of_its_own(option, code):
    done = CliRunner().invoke(serve, [*option, "--port", "0", "--weights", "random"])
    assert done.exit_code == code
