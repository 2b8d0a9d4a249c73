"""SIGTERM ends a real server whatever hangs in it: a step, a decoder, a thread."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from maskstream_model.parts_file import parts_to_file
from maskstream_server.lifecycle.forced_exit import FORCED, end_within
from support import hanging_server
from support.forks import Forked
from support.pictures import scan_bomb
from support.raw_client import grey, jpeg, raw_client
from support.server import POISON

DRAIN_S = 1.0
SOON_S = 150.0


@dataclass
class Hanging:
    """The process, seen from outside."""

    url: str
    process: Forked
    log: Path

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/v1/stream"

    def decoders(self) -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process(self.process.pid).children()
            if "maskstream_server.pictures.child" in child.cmdline()
        ]

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SOON_S)

    def events(self) -> list[dict[str, object]]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    async def until_waiting(self, metric: str) -> None:
        """Return when a metric is not zero any more."""
        async with asyncio.timeout(SOON_S), httpx.AsyncClient() as client:
            while f"\n{metric} 0.0\n" in (await client.get(self.url + "/metrics")).text:
                await asyncio.sleep(0.05)


@contextmanager
def hanging(folder: Path, **settings: object) -> Iterator[Hanging]:
    values = {"drain_s": DRAIN_S, "max_frame_pixels": 3072 * 3056, **settings}
    log = folder / "log"
    process = Forked(partial(hanging_server.serve, **values), log=log)
    try:
        line = process.stdout.readline().split()
        assert line, log.read_text()
        yield Hanging(line[-1], process, log)
    finally:
        process.close()


async def test_a_step_that_does_not_end(tmp_path: Path):
    with hanging(tmp_path) as server:
        async with raw_client(server.ws_url) as client:
            await client.hello()
            await client.send(grey(POISON))
            await server.until_waiting("maskstream_engine_step_age_seconds")
            decoders = server.decoders()
            server.end()
            assert len(decoders) == 2
        assert psutil.wait_procs(decoders, SOON_S)[1] == []


async def test_a_memory_that_is_never_read(tmp_path: Path):
    with hanging(tmp_path) as server:
        headers = {"content-type": "application/octet-stream"}
        address = f"{server.url}/v1/sessions/brought/state"
        hang = parts_to_file({"count": b"hang"})
        async with httpx.AsyncClient() as client:
            bringing = asyncio.create_task(client.put(address, content=hang, headers=headers))
            await server.until_waiting("maskstream_engine_step_age_seconds")
            server.end()
            await asyncio.gather(bringing, return_exceptions=True)


async def test_decoders_that_do_not_answer(tmp_path: Path):
    with hanging(tmp_path, decode_s=3600.0, decoders=2) as server:
        decoders = server.decoders()
        assert len(decoders) == 2
        for decoder in decoders:
            os.kill(decoder.pid, signal.SIGSTOP)
        async with raw_client(server.ws_url) as client:
            await client.hello()
            await client.send(grey())
            await server.until_waiting("maskstream_decoder_frames")
            server.end()
        assert psutil.wait_procs(decoders, SOON_S)[1] == []


async def test_a_thread_that_never_returns_is_named_in_the_log(tmp_path: Path):
    with hanging(tmp_path, video_jobs=0, hang_in_encoding=True) as server:
        async with raw_client(server.ws_url) as client:
            await client.hello()
            threads = psutil.Process(server.process.pid).num_threads()
            await client.send(grey())
            async with asyncio.timeout(SOON_S):
                while psutil.Process(server.process.pid).num_threads() == threads:
                    await asyncio.sleep(0.05)
            assert server.end() == FORCED
        (event,) = [each for each in server.events() if each["event"] == "ended_by_force"]
        assert "frames_0" in event["threads"]


async def test_six_pictures_that_are_too_much_work_stop_nobody(tmp_path: Path):
    bomb = scan_bomb(3072, 3056, 20_000)
    with hanging(tmp_path) as server:

        async def hostile() -> list[str]:
            async with raw_client(server.ws_url) as client:
                await client.hello()
                await client.send(bomb)
                await client.get("drop")
                return client.error_codes

        async with raw_client(server.ws_url) as neighbour:
            await neighbour.hello()
            attacks = [asyncio.create_task(hostile()) for _ in range(6)]
            for _ in range(5):
                await neighbour.answer(jpeg(grey()))
            assert await asyncio.gather(*attacks) == [["frame_undecodable"]] * 6
        assert server.end() == 0


def test_a_process_that_hangs_is_ended_even_where_its_log_hangs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("maskstream_server.lifecycle.forced_exit._LOG_S", 0.01)
    monkeypatch.setattr(
        "maskstream_server.lifecycle.forced_exit._log_end", lambda *_: never.wait(SOON_S)
    )
    never, ended = threading.Event(), threading.Event()
    statuses: list[int] = []

    def exit_now(status: int) -> None:
        statuses.append(status)
        ended.set()

    end_within(0.01, exit_now)
    assert ended.wait(SOON_S)
    never.set()
    assert statuses == [FORCED]


def test_a_process_that_continues_after_all_is_not_ended():
    statuses: list[int] = []
    end_within(SOON_S, statuses.append).cancel()
    time.sleep(0.01)
    assert statuses == []
