"""What `maskstream doctor` finds of who may come in, the port and the receiver of traces."""

import socket

import pytest

from maskstream_server.config.settings import Settings
from maskstream_server.doctor import network
from support.logs import logging_as_before
from support.redis_server import free_port
from support.server import running_server

__all__ = ["logging_as_before"]

pytestmark = pytest.mark.usefixtures("logging_as_before")


@pytest.mark.parametrize(
    ("settings", "grade", "words"),
    [
        ({}, "ok", "only this machine"),
        ({"host": "0.0.0.0", "api_keys": "a-key-for-testing"}, "ok", "1 API keys"),
        ({"host": "0.0.0.0", "insecure": True}, "warning", "every client"),
        ({"host": "0.0.0.0"}, "failed", "anyone who reaches 0.0.0.0"),
    ],
)
def test_who_may_come_in(settings, grade, words):
    (finding,) = network.check_access(Settings(**settings))
    assert (finding.grade, words in finding.text) == (grade, True)
    assert ("--insecure" in finding.advice) == (grade == "failed")


def test_a_free_port():
    (finding,) = network.check_port("127.0.0.1", free_port())
    assert finding.grade == "ok"


def test_a_port_that_another_program_uses():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (finding,) = network.check_port("127.0.0.1", taken.getsockname()[1])
    assert finding.grade == "failed"
    assert "--port" in finding.advice


def test_a_port_where_a_server_of_ours_listens():
    with running_server() as live:
        port = int(live.url.rpartition(":")[2])
        (finding,) = network.check_port("127.0.0.1", port)
    assert finding.grade == "ok"
    assert "Maskstream" in finding.text


def test_the_receiver_of_traces():
    assert network.check_traces(None) == []
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        url = f"http://127.0.0.1:{receiver.getsockname()[1]}"
        assert network.check_traces(url)[0].grade == "ok"
    assert network.check_traces(url)[0].grade == "warning"
