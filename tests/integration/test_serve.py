"""`maskstream serve` as a process: its ready line and its end."""

import signal
import time
from http.client import HTTPConnection

from support.fresh_server import serving
from support.raw_client import grey, raw_client


async def test_serve_tells_its_address_and_leaves_in_peace_on_sigterm():
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
