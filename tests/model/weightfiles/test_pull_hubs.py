"""`maskstream weights pull` from hubs that redirect, ask for a token, or are none; and proxies."""

from dataclasses import replace

import pytest

from maskstream_model import load_model
from maskstream_model.errors import DownloadError
from support.distributions import distribution
from support.http_receiver import http_receiver
from support.hub import content, status
from support.published import plain, published, world

__all__ = ["distribution", "plain", "world"]


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


def test_a_file_that_the_hub_no_longer_has_is_one_sentence(world):
    world.publish("hf://someone/tiny/files/other.pth")
    with pytest.raises(DownloadError, match=r"someone/tiny at http.* has no files/other\.pth "):
        world.pull()
    world.hub.files.clear()
    with pytest.raises(DownloadError, match=r"answers 404: .*; --from FOLDER\|FILE\|URL takes it"):
        world.pull()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"sha": 1, "siblings": 3}', b"{}"])
def test_a_hub_that_is_none_is_one_sentence(world, body):
    world.publish()
    with http_receiver(lambda asked: content(body)(asked, None)) as other:
        world.environ["HF_ENDPOINT"] = f"{other.url}/"
        with pytest.raises(DownloadError, match="does not answer as a hub does"):
            world.pull()


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
