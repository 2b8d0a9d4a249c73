"""The examples of docs/events.md as they are printed, against a real server."""

import json
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from client.clips import write_clip
from support.redis_server import free_port
from support.server import LiveServer, running_server
from support.stand_ins import stand_in

EXAMPLES = Path(__file__).parents[2] / "examples" / "events"
SECRET = "whsec_" + "c2VjcmV0" * 5
SIZE = (96, 128)
SOON_S = 120.0


def frame(top: int, left: int) -> np.ndarray:
    """A red square with a stripe."""
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[top : top + 20, left : left + 20, 0] = 230
    pixels[top + 8 : top + 12, left : left + 20] = 230
    return pixels


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Red goes from the top to the bottom and stays there."""
    tops = [*range(4, 72, 4), *[70] * 8]
    write_clip(tmp_path / "street.mp4", [frame(top, 50) for top in tops])
    return tmp_path / "street.mp4"


def example(name: str, *words: str | Path, **options) -> str:
    command = [sys.executable, EXAMPLES / name, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SOON_S, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def maskstream(*words: str | Path) -> str:
    program = Path(sys.executable).with_name("maskstream")
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=SOON_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def live():
    with running_server(stand_in()) as made:
        yield made


def test_cars_over_a_line_are_counted_by_direction(live: LiveServer, clip: Path):
    said = example("count_cars.py", clip, "--url", live.ws_url, "--class", "red")
    assert said.splitlines()[-1] == "to the left: 0, to the right: 1"
    back = ("--line", "1,0.5,0,0.5")
    said = example("count_cars.py", clip, "--url", live.ws_url, "--class", "red", *back)
    assert said.splitlines()[-1] == "to the left: 1, to the right: 0"


def test_people_are_blurred_and_nothing_else_is(live: LiveServer, clip: Path, tmp_path: Path):
    out = tmp_path / "blurred.mp4"
    example("blur_people.py", clip, out, "--url", live.ws_url, "--class", "red")
    with av.open(str(out)) as video:
        frames = [each.to_ndarray(format="rgb24").astype(int) for each in video.decode(video=0)]
    assert len(frames) == 25
    stripe = frames[-1][78:82, 52:68].mean(axis=(0, 1))
    around = frames[-1][71:77, 52:68].mean(axis=(0, 1))
    assert abs(stripe - around)[1] < 60  # 230 in the original
    assert frames[-1][:50].max() < 40


def test_somebody_who_enters_a_zone_is_told_once(clip: Path, tmp_path: Path):
    port, noted = free_port(), tmp_path / "noted"
    rules = json.loads((EXAMPLES / "yard.json").read_text())
    rules[0]["classes"] = ["red"]
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    note = [
        sys.executable,
        "-c",
        f"import sys; open({str(noted)!r}, 'a').write(sys.argv[1] + '\\n')",
    ]
    variables = {"MASKSTREAM_WEBHOOK_SECRET": SECRET, "PORT": str(port)}
    hosts = (f"127.0.0.1:{port}",)
    with (
        subprocess.Popen(
            [sys.executable, EXAMPLES / "notify.py", *note],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as receiver,
        running_server(
            stand_in(), webhook_hosts=hosts, private_hosts=hosts, webhook_secret=SECRET
        ) as live,
    ):
        try:
            assert receiver.stdout is not None
            assert str(port) in receiver.stdout.readline()
            options = ("--rules", tmp_path / "rules.json", "--url", live.url)
            said = maskstream("stream", clip, *options, "--webhook", f"http://127.0.0.1:{port}/")
            (event,) = map(json.loads, said.splitlines())
            assert (event["rule"], event["type"], event["label"]) == ("yard", "entered", "red")
            until = time.monotonic() + SOON_S
            while not noted.exists() or not noted.read_text():
                assert time.monotonic() < until
                time.sleep(0.05)
        finally:
            receiver.terminate()
    assert noted.read_text() == "red entered: yard\n"


def test_a_request_that_is_not_signed_runs_no_command(tmp_path: Path):
    sys.path.insert(0, str(EXAMPLES))
    try:
        import notify
    finally:
        sys.path.remove(str(EXAMPLES))
    assert not notify.is_signed({}, b"{}", SECRET)
    headers = {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    assert not notify.is_signed(headers, b"{}", SECRET)


def test_rules_that_are_wrong_are_one_sentence_on_the_command_line(tmp_path: Path):
    (tmp_path / "rules.json").write_text('[{"name": "a", "on": "entered"}]')
    program = Path(sys.executable).with_name("maskstream")
    command = [program, "stream", "0", "--rules", tmp_path / "rules.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SOON_S)
    assert done.returncode == 2
    assert "The rule 'a' on 'entered' needs zone." in " ".join(done.stderr.split())
