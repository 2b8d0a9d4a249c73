"""`maskstream weights pull` as a command: what it says, asks, and leaves where it is stopped."""

import os
import re
import signal
import threading
import time

import pytest

from maskstream_model import load_model
from support.certificates import self_signed
from support.distributions import distribution
from support.forks import Forked, maskstream
from support.hub import cut_off, stand_in_hub
from support.published import EXAMPLE, NAME, published, world
from support.weight_files import run, sentence_of

__all__ = ["distribution", "world"]

CAUTION = "Nobody knows whether it may be used."


def test_a_pull_says_what_comes_and_what_was_made_of_it(world):
    world.publish(publisher="someone", licence="MIT")
    done = run("pull", "tiny")
    assert done.exit_code == 0, done.output
    mark = load_model("tiny").info.fingerprint
    assert done.stdout == f"{world.target}: tiny, fingerprint {mark}\n"
    assert "tiny: tiny.pth, 1 MB, from http://127.0.0.1" in done.stderr
    assert "Published by: someone. Licence of the weights: MIT." in done.stderr
    assert re.search(r"^1 MB of 1 MB \(100 %\)", done.stderr, re.MULTILINE)
    following = "Next: maskstream serve --model tiny\n"
    assert done.stderr.endswith(f"Checking and converting tiny.pth (1 MB).\n{following}")
    again = run("pull", "tiny")
    assert (again.stdout, again.stderr) == (f"{world.target}: tiny, was there already\n", following)


def test_a_caution_has_to_be_agreed_to(world):
    world.publish(caution=CAUTION)
    done = run("pull", "tiny")
    assert done.exit_code == 1
    assert f"Caution: {CAUTION}" in done.stderr
    assert "the same command with --yes agrees to the caution" in done.stderr.splitlines()[-1]
    assert world.left == []
    done = run("pull", "tiny", "--yes")
    assert done.exit_code == 0, done.output
    assert f"Caution: {CAUTION}" in done.stderr


def test_a_caution_is_shown_where_weights_are_pulled_automatically(world, capfd):
    world.publish(caution=CAUTION)
    assert load_model("tiny", "auto")
    assert f"Caution: {CAUTION}" in capfd.readouterr().err


def test_a_model_that_brings_its_weights_needs_nothing(world):
    done = run("pull", "demo")
    assert (done.exit_code, done.output) == (
        0,
        "demo needs nothing: it brings its weights, or has none\n",
    )
    assert world.hub.receiver.asked == []


def test_what_cannot_be_pulled_is_one_sentence(world):
    assert "unknown model 'nix'" in sentence_of(run("pull", "nix"))
    assert "there is no /nowhere" in sentence_of(run("pull", "daq_r50_ovis", "--from", "/nowhere"))
    sentence = sentence_of(run("pull", "daq_r50_ovis", "--from", "http://mirror.example/"))
    assert "http://mirror.example/model_ovis_online_r50.pth is no https address" in sentence


def test_the_catalogue_of_another_distribution_is_listed(world):
    world.publish(licence="MIT", size=1_200_000)
    (row,) = [line for line in run("list").output.splitlines() if line.startswith("tiny ")]
    assert re.split("  +", row)[-3:] == ["1 MB", "MIT", "hf://someone/tiny/files/tiny.pth"]


def test_ctrl_c_stops_and_the_same_command_continues(world, tmp_path, monkeypatch):
    world.publish()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(world.family), str(EXAMPLE)]))
    held = threading.Event()
    world.hub.faults = [cut_off(500_000, held)]
    log = tmp_path / "log"
    process = Forked(maskstream, "weights", "pull", "tiny", log=log)
    try:
        while not [path for path in world.cache.rglob("*.part") if path.stat().st_size]:
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        held.set()
        process.close()
    assert log.read_text().splitlines()[-1] == "Stopped; the same command continues the download."
    assert run("pull", "tiny").exit_code == 0
    begun = re.fullmatch(r"bytes=(\d+)-", world.hub.asked_for_files[-1].headers["range"])
    assert 0 < int(begun[1]) <= 500_000


@pytest.fixture
def certificate(tmp_path):
    """Key and certificate of 127.0.0.1."""
    return self_signed(tmp_path, "IP:127.0.0.1")


def test_the_hub_shows_a_certificate_that_is_trusted(world, certificate, monkeypatch):
    world.publish()
    with stand_in_hub(certificate) as hub:
        hub.files[NAME] = published()
        url = f"https://127.0.0.1:{hub.receiver.port}"
        world.environ["HF_ENDPOINT"] = url
        with pytest.raises(Exception, match="certificate"):
            world.pull()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        world.pull()
    assert world.observer.agreed[0][2].startswith(url)
