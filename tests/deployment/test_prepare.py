"""`docker/prepare.sh`: what it makes, and that a full disk leaves nothing in part."""

import os
import subprocess
from pathlib import Path

import pytest

from maskstream_server.config.settings import Settings
from support.compose_stack import CHECKOUT

NAMES = {"store_password", "api_keys", "grafana_password"}
FULL_DISK = "trap '' XFSZ; ulimit -f 0; exec docker/prepare.sh"
"""Under this limit no file can grow, as on a disk without room."""


def prepare(folder: Path, command: str = "exec docker/prepare.sh") -> subprocess.CompletedProcess:
    folders = {
        "ENV_FILE": str(folder / "env"),
        "SECRETS_FOLDER": str(folder / "secrets"),
        "WEIGHTS_FOLDER": str(folder / "weights"),
    }
    return subprocess.run(
        ["sh", "-c", command],
        cwd=CHECKOUT,
        env=os.environ | folders,
        capture_output=True,
        text=True,
        check=False,
    )


def secrets_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "secrets").iterdir()}


def test_passwords_and_keys_are_made_once_and_are_good_for_a_server(tmp_path: Path):
    assert prepare(tmp_path).returncode == 0
    made = secrets_in(tmp_path)
    assert set(made) == NAMES
    assert len(set(made.values())) == len(NAMES)
    assert len(Settings(api_keys=made["api_keys"]).api_keys) == 1
    assert (tmp_path / "env").read_bytes() == (CHECKOUT / ".env.example").read_bytes()
    (tmp_path / "env").write_text("COMPOSE_PROFILES=gpu\n")
    again = prepare(tmp_path)
    assert (again.returncode, again.stdout) == (0, "")
    assert secrets_in(tmp_path) == made
    assert (tmp_path / "env").read_text() == "COMPOSE_PROFILES=gpu\n"


@pytest.mark.parametrize("there", [{}, {"env": "A=b\n"}])
def test_a_full_disk_is_one_sentence_and_leaves_no_file_in_part(tmp_path: Path, there):
    for name, text in there.items():
        (tmp_path / name).write_text(text)
    done = prepare(tmp_path, FULL_DISK)
    assert done.returncode != 0
    assert "is the disk full?" in done.stderr
    assert secrets_in(tmp_path) == {}
    assert {path.name for path in tmp_path.iterdir()} == {"secrets", "weights", *there}
    assert prepare(tmp_path).returncode == 0
    assert set(secrets_in(tmp_path)) == NAMES


def test_an_empty_file_that_a_full_disk_has_left_is_made_anew(tmp_path: Path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "api_keys").touch()
    (tmp_path / "env").touch()
    assert prepare(tmp_path).returncode == 0
    assert Settings(api_keys=secrets_in(tmp_path)["api_keys"]).api_keys
    assert (tmp_path / "env").stat().st_size > 0


def test_without_random_numbers_there_is_no_key(tmp_path: Path):
    silent = tmp_path / "bin"
    silent.mkdir()
    (silent / "od").write_text("#!/bin/sh\n")
    (silent / "od").chmod(0o755)
    done = prepare(tmp_path, f"PATH={silent}:$PATH exec docker/prepare.sh")
    assert done.returncode != 0
    assert secrets_in(tmp_path) == {}
