"""Requests of our own over real connections: only to what was checked."""

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from maskstream_server.errors import AddressRefusedError, OutboundError
from maskstream_server.outbound.client import OutboundClient, resolve
from maskstream_server.outbound.rules import HostRules
from support.certificates import self_signed
from support.http_receiver import Answer, Asked, http_receiver


class Names:
    """Answers look-ups from a list, the last one again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def client(*hosts: str, private: Sequence[str] | None = None, names=resolve) -> OutboundClient:
    return OutboundClient(HostRules(hosts, hosts if private is None else private, "X"), names)


async def body_of(outbound: OutboundClient, url: str) -> bytes:
    async with outbound.get(url) as answer:
        return await answer.aread()


async def test_a_file_comes_with_the_hosts_own_name():
    with http_receiver(lambda asked: Answer(body=b"a video")) as receiver:
        outbound = client(f"files.example:{receiver.port}", names=Names(["127.0.0.1"]))
        url = f"http://files.example:{receiver.port}/a%20b.mp4?x=1"
        assert await body_of(outbound, url) == b"a video"
        (asked,) = receiver.asked
        assert (asked.method, asked.path) == ("GET", "/a%20b.mp4?x=1")
        assert asked.headers["host"] == f"files.example:{receiver.port}"


async def test_a_private_address_is_refused_before_anything_is_sent():
    with http_receiver() as receiver:
        outbound = client(receiver.authority, private=())
        with pytest.raises(AddressRefusedError, match="no public address"):
            await body_of(outbound, receiver.url)
        assert receiver.asked == []


async def test_a_name_is_looked_up_once_and_the_connection_goes_there():
    # The second answer of a name that changes would be another machine.
    with http_receiver(host="127.0.0.2") as receiver:
        names = Names(["127.0.0.2"], ["127.0.0.1"])
        await body_of(
            client(f"localhost:{receiver.port}", names=names), f"http://localhost:{receiver.port}"
        )
        assert names.asked == [("localhost", receiver.port)]
        assert len(receiver.asked) == 1


async def test_a_name_that_turns_private_between_two_requests_is_refused():
    names = Names(["8.8.8.8", "10.0.0.1"])
    with pytest.raises(AddressRefusedError, match="no public address"):
        await body_of(client("example.com", private=(), names=names), "http://example.com/")


async def test_the_next_address_is_tried_where_one_does_not_answer():
    with http_receiver(host="127.0.0.2") as receiver:
        host = f"files.example:{receiver.port}"
        outbound = client(host, names=Names(["127.0.0.3", "127.0.0.2"]))
        await body_of(outbound, f"http://{host}/")
        assert len(receiver.asked) == 1


async def test_redirects_are_followed_and_each_is_checked():
    def reply(asked: Asked) -> Answer:
        return {
            "/a": Answer(302, headers={"LOCATION": "b"}),
            "/b": Answer(body=b"there"),
            "/other": Answer(301, headers={"Location": "http://evil.example/"}),
            "/file": Answer(307, headers={"Location": "file:///etc/passwd"}),
            "/round": Answer(308, headers={"Location": "/round"}),
        }[asked.path]

    with http_receiver(reply) as receiver:
        outbound = client(receiver.authority)
        assert await body_of(outbound, receiver.url + "/a") == b"there"
        with pytest.raises(AddressRefusedError, match=r"go to evil\.example"):
            await body_of(outbound, receiver.url + "/other")
        with pytest.raises(AddressRefusedError, match="must begin with http"):
            await body_of(outbound, receiver.url + "/file")
        with pytest.raises(OutboundError, match="redirects too often"):
            await body_of(outbound, receiver.url + "/round")


async def test_a_redirect_into_a_private_network_is_refused():
    with http_receiver() as inner:
        onward = Answer(302, headers={"Location": inner.url})
        with http_receiver(lambda asked: onward) as outer:
            outbound = client(outer.authority, inner.authority, private=(outer.authority,))
            with pytest.raises(
                AddressRefusedError, match=f"{inner.authority} is no public address"
            ):
                await body_of(outbound, outer.url)
        assert inner.asked == []


async def test_what_goes_wrong_is_one_sentence():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(OutboundError, match=f"{dead} cannot be reached"):
        await body_of(client(dead), f"http://{dead}/")
    with pytest.raises(OutboundError, match="There is no host nowhere"):
        await body_of(client("nowhere.invalid"), "http://nowhere.invalid/")
    short = Answer(body=b"half", headers={"Content-Length": "100"})
    with (
        http_receiver(lambda asked: short) as receiver,
        pytest.raises(OutboundError, match="broke the connection off"),
    ):
        await body_of(client(receiver.authority), receiver.url)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate of files.example."""
    return self_signed(tmp_path, "DNS:files.example")


async def test_the_other_side_must_show_the_certificate_of_its_name(certificate):
    with http_receiver(lambda asked: Answer(body=b"safe"), certificate=certificate) as receiver:
        hosts = [f"{name}.example:{receiver.port}" for name in ("files", "other")]
        rules, names = HostRules(hosts, hosts, "X"), Names(["127.0.0.1"])
        trusting = OutboundClient(rules, names, ssl.create_default_context(cafile=certificate))
        assert await body_of(trusting, f"https://{hosts[0]}/") == b"safe"
        with pytest.raises(OutboundError, match="cannot be reached"):
            await body_of(trusting, f"https://{hosts[1]}/")
        with pytest.raises(OutboundError, match="cannot be reached"):
            await body_of(OutboundClient(rules, names), f"https://{hosts[0]}/")
        assert len(receiver.asked) == 1


async def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr("maskstream_server.outbound.client.TIMES", {"read": 0.2})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(OutboundError, match="does not answer in time"):
            await body_of(client(host), f"http://{host}/")


async def test_a_message_is_posted_and_redirects_are_not_followed():
    with http_receiver(lambda asked: Answer(302, headers={"Location": "/"})) as receiver:
        outbound = client(receiver.authority)
        status = await outbound.post(receiver.url + "/hook", b"{}", {"webhook-id": "x"})
        assert status == 302
        (asked,) = receiver.asked
        assert (asked.method, asked.body) == ("POST", b"{}")
        assert asked.headers["webhook-id"] == "x"
        assert asked.headers["content-length"] == "2"
