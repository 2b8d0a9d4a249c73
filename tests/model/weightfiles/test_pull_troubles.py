"""`maskstream weights pull` with a hub that errs, breaks off, refuses, or redirects."""

import pickle
import shutil
import threading
from collections import namedtuple
from dataclasses import replace

import pytest

from maskstream_model import load_model
from maskstream_model.errors import CheckpointError, DownloadError
from maskstream_model.weightfiles import fetching
from support.distributions import distribution
from support.http_receiver import http_receiver
from support.hub import content, cut_off, sha256, status
from support.published import NAME, published, world

__all__ = ["distribution", "world"]

HUNDRED_KB = 100_000


def ranges(world):
    return [each.headers.get("range") for each in world.hub.asked_for_files]


@pytest.fixture
def plain(world):
    """The same file at a web server that is no hub."""
    world.hub.files["plain/resolve/main/tiny.pth"] = published()
    world.publish(f"{world.hub.url}/plain/resolve/main/tiny.pth")
    return world


def test_another_file_of_the_right_size_is_refused_and_removed(world):
    world.publish()
    world.hub.faults = [content(published(2.0))]
    right, wrong = sha256(published()), sha256(published(2.0))
    with pytest.raises(DownloadError, match=f"its SHA-256 is {wrong}, but {right} by the hub"):
        world.pull()
    assert world.left == []
    world.pull()
    assert load_model("tiny")


@pytest.mark.parametrize("digest", ["0" * 63, "x" * 64, 7])
def test_a_hash_that_is_none_is_refused(world, digest):
    world.publish()
    world.hub.said[NAME] = {"sha256": digest}
    with pytest.raises(DownloadError, match="an invalid SHA-256"):
        world.pull()


@pytest.mark.parametrize("announced", [True, False])
def test_more_than_was_announced_is_refused(world, announced):
    world.publish()
    world.hub.faults = [content(published() + b"x", announced)]
    size = len(published())
    sentence = f"has {size + 1} bytes, not the {size}" if announced else f"more than {size} bytes"
    with pytest.raises(DownloadError, match=sentence):
        world.pull()
    assert world.left in ([], ["tiny.pth.part"])
    world.pull()
    assert ranges(world) == [None, None]


@pytest.mark.parametrize("announced", [True, False])
def test_a_size_that_nobody_announced_is_bounded(plain, monkeypatch, announced):
    monkeypatch.setattr(fetching, "LIMIT_BYTES", len(published()) - 1)
    plain.hub.faults = [content(published(), announced)]
    monkeypatch.setattr(fetching, "facts_of_address", nothing_known)
    with pytest.raises(DownloadError, match=f"sends more than {len(published()) - 1} bytes"):
        plain.pull()


def nothing_known(web, address):
    return fetching.Facts(address, None, None, "")


def test_a_size_beyond_any_model_is_refused_before_the_download(world):
    world.publish()
    world.hub.said[NAME] = {"size": 1 << 40}
    with pytest.raises(DownloadError, match="would have 1099511627776 bytes"):
        world.pull()


def test_a_download_that_breaks_off_is_continued(world):
    world.publish()
    world.hub.faults = [cut_off(HUNDRED_KB), status(503), cut_off(HUNDRED_KB)]
    world.pull()
    again, last = f"bytes={HUNDRED_KB}-", f"bytes={2 * HUNDRED_KB}-"
    assert ranges(world) == [None, again, again, last]
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
    assert ranges(world)[-1] == f"bytes={HUNDRED_KB}-"
    assert world.left == ["tiny.safetensors", "weights.lock.json"]


def test_what_was_begun_of_another_version_is_not_continued(world):
    world.publish()
    world.hub.faults = [cut_off(HUNDRED_KB), *[status(500)] * 4]
    with pytest.raises(DownloadError):
        world.pull()
    world.hub.files[NAME] = published(2.0)
    world.pull()
    assert ranges(world)[-1] is None
    assert load_model("tiny")


def test_a_server_that_sends_no_parts_sends_all_again(world):
    world.publish()
    world.hub.knows_ranges = False
    world.hub.faults = [cut_off(HUNDRED_KB)]
    world.pull()
    assert ranges(world) == [None, f"bytes={HUNDRED_KB}-"]
    assert load_model("tiny")


def test_a_beginning_that_the_server_does_not_know_is_thrown_away(plain):
    plain.hub.faults = [cut_off(HUNDRED_KB), status(416)]
    plain.pull()
    assert ranges(plain)[-2:] == [f"bytes={HUNDRED_KB}-", None]
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
    assert ranges(world) == [None, f"bytes={HUNDRED_KB}-"]


def test_a_busy_server_says_how_long_to_wait(world):
    world.publish()
    waits = ("7", "900", "Wed, 21 Oct 2026 07:28:00 GMT")
    world.hub.faults = [status(429, Retry_After=wait) for wait in waits]
    world.pull()
    assert world.slept == [7, 60, 4]


def test_a_redirect_is_followed_on_the_same_host_alone(world):
    world.publish()
    world.hub.files["cdn/tiny.pth"] = published()
    world.hub.faults = [status(302, Location="/cdn/tiny.pth")]
    world.pull()
    world.hub.faults = [status(302, Location="http://localhost:1/tiny.pth")]
    with pytest.raises(DownloadError, match=r"^127\.0\.0\.1 redirects to localhost, which does n"):
        world.pull(refresh=True)
    world.hub.faults = [status(302, Location="http://mirror.example/tiny.pth")]
    with pytest.raises(DownloadError, match=r"http://mirror\.example/tiny\.pth is no https addr"):
        world.pull(refresh=True)
    around = f"/{'/resolve/c0ffee/'.join(('someone/tiny', 'files/tiny.pth'))}"
    world.hub.faults = [status(302, Location=around)] * 6
    with pytest.raises(DownloadError, match="redirects more than 5 times"):
        world.pull(refresh=True)


def test_a_token_opens_what_is_closed_and_goes_to_the_hub_alone(world):
    world.publish()
    world.hub.token = "hf_secret"
    with pytest.raises(DownloadError, match=r"answers 401: it is not open .*set HF_TOKEN$"):
        world.pull()
    world.environ["HF_TOKEN"] = "hf_wrong"
    with pytest.raises(DownloadError, match=r"401: the token in HF_TOKEN does not open it$"):
        world.pull()
    world.environ["HF_TOKEN"] = "hf_secret"
    elsewhere = []
    with http_receiver() as cdn:
        cdn.reply = lambda asked: elsewhere.append(asked.headers) or world.hub.receiver.reply(asked)
        world.hub.faults = [status(302, Location=f"{cdn.url}/cdn/tiny.pth")]
        with pytest.raises(DownloadError, match=r"/cdn/tiny\.pth answers 401"):
            world.pull()
    assert elsewhere
    assert all("authorization" not in headers for headers in elsewhere)
    world.pull()
    assert "hf_" not in str([world.observer, (world.cache / "weights.lock.json").read_text()])


def test_a_public_hub_never_sees_the_token(world):
    world.publish()
    world.environ["HF_TOKEN"] = "hf_secret"
    world.pull()
    assert all("authorization" not in each.headers for each in world.hub.receiver.asked)


@pytest.mark.parametrize(
    ("number", "sentence"), [(403, "answers 403: it is not open"), (404, "there is no such file")]
)
def test_what_is_refused_is_not_tried_again(world, number, sentence):
    world.publish()
    world.hub.faults = [status(number)]
    with pytest.raises(DownloadError, match=sentence):
        world.pull()
    assert world.slept == []


def test_a_file_that_the_hub_no_longer_has_is_one_sentence(world):
    world.publish("hf://someone/tiny/files/other.pth")
    with pytest.raises(DownloadError, match=r"someone/tiny at http.* has no files/other\.pth "):
        world.pull()
    world.hub.files.clear()
    with pytest.raises(DownloadError, match="answers 404"):
        world.pull()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"sha": 1, "siblings": 3}', b"{}"])
def test_a_hub_that_is_none_is_one_sentence(world, body):
    world.publish()
    with http_receiver(lambda asked: content(body)(asked, None)) as other:
        world.environ["HF_ENDPOINT"] = f"{other.url}/"
        with pytest.raises(DownloadError, match="does not answer as a hub does"):
            world.pull()


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


@pytest.mark.parametrize(
    "endpoint", ["hub.example", "me:word@hub.example", "http://hub.example", "https://[x"]
)
def test_a_hub_that_is_no_address_is_named_by_its_variable(world, endpoint):
    world.publish()
    world.environ["HF_ENDPOINT"] = endpoint
    with pytest.raises(DownloadError, match=r"^HF_ENDPOINT must begin with https://") as caught:
        world.pull()
    assert "word" not in str(caught.value)
    assert world.slept == []


def test_a_server_that_knows_no_head_says_nothing_of_the_size(plain):
    reply = plain.hub.receiver.reply
    refused = status(405)
    plain.hub.receiver.reply = lambda asked: (
        refused(asked, None) if asked.method == "HEAD" else reply(asked)
    )
    plain.pull()
    assert plain.observer.agreed[0][1] is None
    assert load_model("tiny")


def test_a_file_that_does_not_fit_is_not_kept(world):
    world.publish()
    world.hub.files[NAME] = published(shape=(3, 4))
    with pytest.raises(CheckpointError, match=r"^tiny\.pth from http.* cannot be used: .* not fit"):
        world.pull()
    assert world.left == []


def test_a_file_that_would_run_code_is_no_weight_file(world, tmp_path):
    mark = tmp_path / "was_run"

    class Code:
        def __reduce__(self):
            return (open, (str(mark), "w"))

    world.publish()
    world.hub.files[NAME] = pickle.dumps({"state_dict": {"published.weight": Code()}})
    with pytest.raises(CheckpointError, match="is no weight file, or is damaged"):
        world.pull()
    assert not mark.exists()


def test_a_full_disk_is_seen_before_the_download(world, monkeypatch):
    world.publish()
    usage = namedtuple("Usage", "total used free")(10**12, 10**12, 2 * 10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DownloadError, match=r"has 0\.20 GB free on its disk, but 0\.27 GB are"):
        world.pull()
    assert world.hub.asked_for_files == []


def test_a_cache_that_cannot_be_written_is_one_sentence(world, tmp_path):
    world.publish()
    (tmp_path / "file").write_text("")
    world.environ["MASKSTREAM_WEIGHTS_DIR"] = str(tmp_path / "file")
    with pytest.raises(DownloadError, match=r"file cannot be used: File exists; MASKSTREAM_WEI"):
        world.pull()


def test_the_proxy_of_the_environment_is_used(world, monkeypatch):
    world.publish()
    hub = "http://127.0.0.1:1"
    world.environ["HF_ENDPOINT"] = hub

    def forward(asked):
        return world.hub.receiver.reply(replace(asked, path=asked.path.removeprefix(hub)))

    with http_receiver(forward) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        world.pull()
        assert len(proxy.asked) == 2
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(DownloadError, match="names a proxy that cannot be used"):
        world.pull(refresh=True)
