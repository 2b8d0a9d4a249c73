"""A folder of videos has one set of records."""

import subprocess
import sys
from pathlib import Path

import pytest

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
