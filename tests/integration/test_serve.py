"""`maskstream serve` as a process: its ready line and its end."""

import signal
import time
from http.client import HTTPConnection
from types import SimpleNamespace

import pytest

from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.server import announce
from support.fresh_server import serving
from support.raw_client import grey, raw_client


async def test_serve_prints_its_address_and_stops_in_order_on_sigterm():
    with serving("--weights", "random", "--max-sessions", "3") as (line, process):
        url = line.split()[-1]
        assert line == f"maskstream serves demo on cpu at {url}"
        async with raw_client(url.replace("http", "ws") + "/v1/stream") as client:
            await client.hello()
            await client.answer(grey(height=64, width=96))
            process.send_signal(signal.SIGTERM)
            assert await client.end() == 1012
            assert len(client.of("goaway")) == 1
        assert process.wait(timeout=60) == 0
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("host", "settings", "printed"),
    [
        ("0.0.0.0", {}, "http://127.0.0.1:8000"),
        ("::", {}, "http://[::1]:8000"),
        ("127.0.0.1", {"public_url": "https://video.example:8443"}, "https://video.example:8443"),
    ],
)
def test_one_address_that_a_browser_can_open_is_printed(host, settings, printed, capsys):
    bound = SimpleNamespace(getsockname=lambda: (host, 8000, 0, 0))
    announce(Settings(**settings), "demo", bound)
    assert capsys.readouterr().out == f"maskstream serves demo on cpu at {printed}\n"


def test_a_connection_left_idle_is_there_for_the_next_request(live_server):
    connection = HTTPConnection(live_server.url.removeprefix("http://"), timeout=30)
    addresses = set()
    for idle_s in (5.5, 0):  # httpx keeps one for 5 s
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        addresses.add(connection.sock.getsockname())
        time.sleep(idle_s)
    assert len(addresses) == 1
    connection.close()
