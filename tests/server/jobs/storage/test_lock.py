"""A folder of videos has one set of records."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from maskstream_server.errors import StartError
from maskstream_server.jobs.storage.lock import hold_folder

HOLD = """
import sys
from pathlib import Path
from maskstream_server.jobs.storage.lock import hold_folder
hold_folder(Path(sys.argv[1]), alone=sys.argv[2] == "alone")
print("held", flush=True)
sys.stdin.read()
"""


def holder(folder: Path, how: str) -> "subprocess.Popen[str]":
    """Another process that uses a folder until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("other", ["alone", "shared"])
@pytest.mark.parametrize("alone", [True, False])
def test_only_those_that_share_a_store_share_a_folder(tmp_path, other, alone):
    with holder(tmp_path, other) as process:
        if other == "shared" and not alone:
            hold_folder(tmp_path, alone=alone)()
        else:
            with pytest.raises(StartError, match=r"is used by a.* server.*MASKSTREAM_STORE"):
                hold_folder(tmp_path, alone=alone)
        process.kill()
    hold_folder(tmp_path, alone=alone)()
    hold_folder(tmp_path, alone=True)()


@pytest.mark.parametrize(
    ("call", "number"), [("os.open", errno.EROFS), ("fcntl.flock", errno.ENOLCK)]
)
def test_a_folder_that_cannot_be_locked_is_used_without(tmp_path, monkeypatch, call, number):
    def fails(*args) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken, structlog.testing.capture_logs() as logs:
        broken.setattr(call, fails)
        let_go = hold_folder(tmp_path, alone=True)
    let_go()
    assert [entry["event"] for entry in logs] == ["folder_not_locked"]
    hold_folder(tmp_path, alone=True)()
