"""`maskstream weights pull` that breaks off: what is tried again, and what is continued."""

import threading
from dataclasses import replace

import pytest

from maskstream_model import load_model
from maskstream_model.errors import DownloadError
from support.distributions import distribution
from support.hub import cut_off, status
from support.published import NAME, plain, published, world

__all__ = ["distribution", "plain", "world"]

HUNDRED_KB = 100_000


def test_a_download_that_breaks_off_is_continued(world):
    world.publish()
    world.hub.faults = [cut_off(HUNDRED_KB), status(503), cut_off(HUNDRED_KB)]
    world.pull()
    again, last = f"bytes={HUNDRED_KB}-", f"bytes={2 * HUNDRED_KB}-"
    assert world.ranges == [None, again, again, last]
    assert len(world.slept) == 3
    assert "broke off" in world.observer.said[0]
    assert "answers 503; next attempt in 2 s." in world.observer.said[1]
    assert load_model("tiny")


def test_attempts_in_vain_end_and_a_later_command_continues(world):
    world.publish()
    world.hub.faults = [cut_off(HUNDRED_KB), *[status(500)] * 4]
    with pytest.raises(DownloadError, match="answers 500, 5 times in a row"):
        world.pull()
    assert world.slept == [1, 2, 4, 8]
    assert world.left == ["tiny.pth.part"]
    world.pull()
    assert world.ranges[-1] == f"bytes={HUNDRED_KB}-"
    assert world.left == ["tiny.safetensors", "weights.lock.json"]


def test_what_was_begun_of_another_version_is_not_continued(world):
    world.publish()
    world.hub.faults = [cut_off(HUNDRED_KB), *[status(500)] * 4]
    with pytest.raises(DownloadError):
        world.pull()
    world.hub.files[NAME] = published(2.0)
    world.pull()
    assert world.ranges[-1] is None
    assert load_model("tiny")


def test_a_server_that_sends_no_parts_sends_all_again(world):
    world.publish()
    world.hub.knows_ranges = False
    world.hub.faults = [cut_off(HUNDRED_KB)]
    world.pull()
    assert world.ranges == [None, f"bytes={HUNDRED_KB}-"]
    assert load_model("tiny")


def test_a_beginning_that_the_server_does_not_know_is_thrown_away(plain):
    plain.hub.faults = [cut_off(HUNDRED_KB), status(416)]
    plain.pull()
    assert plain.ranges[-2:] == [f"bytes={HUNDRED_KB}-", None]
    assert load_model("tiny")


def test_another_range_than_was_asked_for_is_refused(world):
    world.publish()
    wrong = {"Content-Range": f"bytes 5-{len(published()) - 1}/{len(published())}"}
    world.hub.faults = [
        cut_off(HUNDRED_KB),
        lambda asked, answer: replace(answer, headers=wrong),
    ]
    with pytest.raises(DownloadError, match="another range than was asked for"):
        world.pull()


def test_a_server_that_falls_silent_is_asked_again(world):
    world.publish()
    world.silence_s = 2.0
    held = threading.Event()
    world.hub.faults = [cut_off(HUNDRED_KB, held)]
    try:
        world.pull()
    finally:
        held.set()
    assert world.observer.said[:-1] == [
        "127.0.0.1 has sent nothing for too long; next attempt in 1 s."
    ]
    assert world.ranges == [None, f"bytes={HUNDRED_KB}-"]


def test_a_busy_server_says_how_long_to_wait(world):
    world.publish()
    waits = ("7", "900", "Wed, 21 Oct 2026 07:28:00 GMT")
    world.hub.faults = [status(429, Retry_After=wait) for wait in waits]
    world.pull()
    assert world.slept == [7, 60, 4]


@pytest.mark.parametrize(
    ("number", "sentence"), [(403, "answers 403: it is not open"), (404, "there is no such file")]
)
def test_what_is_refused_is_not_tried_again(world, number, sentence):
    world.publish()
    world.hub.faults = [status(number)]
    with pytest.raises(DownloadError, match=sentence):
        world.pull()
    assert world.slept == []


def test_a_machine_without_a_network_gets_a_sentence_after_three_attempts(world):
    world.publish()
    world.environ["HF_ENDPOINT"] = "http://127.0.0.1:1"
    sentence = (
        r"127\.0\.0\.1 cannot be reached .*, 3 times in a row; HF_ENDPOINT .*PROXY.*--from FOL"
    )
    with pytest.raises(DownloadError, match=sentence):
        world.pull()
    assert world.slept == [1, 2]
    assert "--from" not in "".join(world.observer.said)
