"""A stand-in for the Hugging Face Hub, which may also lie, break off, or forget what it said."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from support.http_receiver import Answer, Asked, Receiver, http_receiver

API = re.compile(r"/api/models/([^/]+/[^/]+)/revision/([^/?]+)\?blobs=true")
FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
Fault = Callable[[Asked, Answer], Answer]


@dataclass
class Hub:
    """Its files by `OWNER/REPOSITORY/PATH`; everything may be changed while it runs.

    Attributes:
        url: where it listens.
        files: what it has.
        said: of files with wrong facts: replaces `size` or `sha256` in the API's answer.
        faults: change its answers for files, one request after the other, None leaves one alone.
        token: what it asks of everybody; empty: nothing.
        knows_ranges: whether it sends parts of files.
    """

    receiver: Receiver
    files: dict[str, bytes] = field(default_factory=dict)
    said: dict[str, dict[str, object]] = field(default_factory=dict)
    faults: list[Fault | None] = field(default_factory=list)
    token: str = ""
    knows_ranges: bool = True

    @property
    def url(self) -> str:
        return self.receiver.url

    @property
    def asked_for_files(self) -> list[Asked]:
        return [each for each in self.receiver.asked if "/resolve/" in each.path]

    def reply(self, asked: Asked) -> Answer:
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return Answer(401)
        if found := API.fullmatch(asked.path):
            return self._api(found[1])
        if found := FILE.fullmatch(asked.path):
            content = self.files.get(f"{found[1]}/{found[3]}")
        else:
            content = self.files.get(asked.path.removeprefix("/"))
        answer = Answer(404) if content is None else self._ranged(asked, content)
        fault = self.faults.pop(0) if self.faults and asked.method == "GET" else None
        return answer if fault is None else fault(asked, answer)

    def _api(self, repository: str) -> Answer:
        siblings = [
            self._sibling(name, content)
            for name, content in self.files.items()
            if name.startswith(f"{repository}/")
        ]
        if not siblings:
            return Answer(404)
        return Answer(body=json.dumps({"sha": "c0ffee", "siblings": siblings}).encode())

    def _sibling(self, name: str, content: bytes) -> dict[str, object]:
        facts: dict[str, object] = {"size": len(content), "sha256": sha256(content)}
        facts |= self.said.get(name, {})
        return {
            "rfilename": name.split("/", 2)[2],
            "size": facts["size"],
            "lfs": {"sha256": facts["sha256"], "size": facts["size"], "pointerSize": 134},
        }

    def _ranged(self, asked: Asked, content: bytes) -> Answer:
        headers: dict[str, str | None] = {"ETag": f'"{sha256(content)[:8]}"'}
        found = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
        if found is None or not self.knows_ranges:
            return Answer(200, content, headers)
        start, size = int(found[1]), len(content)
        if start >= size:
            return Answer(416)
        headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        return Answer(206, content[start:], headers)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def cut_off(after: int, held: threading.Event | None = None) -> Fault:
    """Announce all, send some bytes, close; or send no more until `held` is set."""

    def fault(asked: Asked, answer: Answer) -> Answer:
        headers = {**answer.headers, "Content-Length": str(len(answer.body))}
        return replace(answer, body=answer.body[:after], headers=headers, held=held)

    return fault


def status(number: int, **headers: str) -> Fault:
    """Answer something else; names of headers have underscores here."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda asked, answer: Answer(number, headers=dict(named))


def content(body: bytes, announced: bool = True) -> Fault:
    """Send something else, with or without its length."""
    headers: dict[str, str | None] = {} if announced else {"Content-Length": None}
    return lambda asked, answer: Answer(200, body, headers)


@contextmanager
def stand_in_hub(certificate: Path | None = None, host: str = "127.0.0.1") -> Iterator[Hub]:
    """Run one in a thread at an address; with a certificate and its key it speaks https."""
    with http_receiver(host=host, certificate=certificate) as receiver:
        hub = Hub(receiver)
        receiver.reply = hub.reply
        yield hub
