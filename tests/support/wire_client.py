"""A client of a few lines that sees every message of the wire; nothing of the real client in it."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from maskstream_protocol.frames import FrameMessage
from maskstream_protocol.results import ResultMessage, decode_result

SIZE = (16, 24)
RGB24 = 3


class WireClient:
    """One connection: sends frames, remembers what it gets.

    Attributes:
        welcome: the first message, `welcomed_after_s` after hello.
        notices: control messages in order.
        results: results by sequence.
        durable: the last sequence known to be durable.
    """

    def __init__(self, url: str, resume: dict[str, Any] | None = None, **hello: Any) -> None:
        self._open = ExitStack()
        # Newer versions of websockets want a context, older ones a connection that is closed.
        opening = connect(url, subprotocols=["maskstream.v1"], compression=None)
        self.socket = self._open.enter_context(opening)
        said_s = time.monotonic()
        self.say(type="hello", masks="rle", resume=resume, **hello)
        self.notices: list[dict[str, Any]] = []
        self.results: dict[int, ResultMessage] = {}
        self.durable = 0
        self.until(lambda: any(notice["type"] == "welcome" for notice in self.notices))
        self.welcomed_after_s = time.monotonic() - said_s
        self.welcome = next(notice for notice in self.notices if notice["type"] == "welcome")
        self.sequence = self.welcome["next_sequence"] - 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave without a `bye`: the session can be resumed."""
        self._open.close()

    @property
    def kinds(self) -> list[str]:
        """Types of the notices, errors by their code."""
        return [notice.get("code", notice["type"]) for notice in self.notices]

    def resume(self, last_sequence: int | None = None) -> dict[str, Any]:
        """What a `hello` says to continue this session."""
        last = max(self.results, default=0) if last_sequence is None else last_sequence
        return {"token": self.welcome["resume_token"], "last_sequence": last}

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def send_frame(self) -> int:
        """Send the next frame; returns its sequence."""
        self.sequence += 1
        picture = np.full((*SIZE, 3), self.sequence % 50, np.uint8)
        frame = FrameMessage(
            sequence=self.sequence,
            epoch=self.welcome["epoch"],
            codec=RGB24,
            width=SIZE[1],
            height=SIZE[0],
            payload=picture.tobytes(),
        )
        self.socket.send(frame.encode())
        return self.sequence

    def step(self) -> ResultMessage:
        """Send the next frame and wait for its result."""
        sequence = self.send_frame()
        self.until(lambda: sequence in self.results)
        return self.results[sequence]

    def until(self, done: Callable[[], bool], timeout_s: float = 60) -> None:
        """Take messages until something is so."""
        end_s = time.monotonic() + timeout_s
        while not done():
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"got only {self.kinds} and {sorted(self.results)}")
            try:
                self._take(self.socket.recv(timeout=left_s))
            except ConnectionClosed as closed:
                self.close()
                raise AssertionError(f"closed: {closed}, got {self.kinds}") from closed

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, str):
            notice = json.loads(message)
            self.notices.append(notice)
            self.durable = max(self.durable, notice.get("durable_sequence", 0))
        else:
            result = decode_result(message)
            self.results[result.sequence] = result
            if result.durable:
                self.durable = max(self.durable, result.sequence)
