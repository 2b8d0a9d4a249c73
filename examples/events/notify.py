"""Runs a command when somebody enters a zone: a receiver of Maskstream's signed webhooks.

    export MASKSTREAM_WEBHOOK_SECRET=whsec_$(openssl rand -base64 32)
    MASKSTREAM_WEBHOOK_HOSTS=127.0.0.1:9000 MASKSTREAM_PRIVATE_HOSTS=127.0.0.1:9000 maskstream serve
    python examples/events/notify.py notify-send
    maskstream stream 0 --rules examples/events/yard.json --webhook http://127.0.0.1:9000/

The command gets a sentence as its last argument. It needs nothing but Python.
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

PORT = 9000
MAX_AGE_S = 300
MAX_BYTES = 65536


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Return whether a request is Maskstream's own, and new (https://www.standardwebhooks.com)."""
    name, sent_s = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent_s.isdecimal() or abs(time.time() - int(sent_s)) > MAX_AGE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((name.encode(), sent_s.encode(), body))
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return hmac.compare_digest(headers.get("webhook-signature", ""), f"v1,{expected}")


class Receiver(BaseHTTPRequestHandler):
    """Runs the command once for each event, however often that comes."""

    secret = ""
    program: tuple[str, ...] = ()
    seen: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        """Take one event; what is not answered with 204 comes again."""
        body = self.rfile.read(min(int(self.headers.get("content-length", 0)), MAX_BYTES))
        if not is_signed(self.headers, body, self.secret):
            return self.answer(401)
        message = json.loads(body)
        if message["id"] not in self.seen:
            event = message["event"]
            sentence = f"{event.get('label', 'something')} {event['type']}: {event['rule']}"
            if subprocess.run([*self.program, sentence], check=False).returncode:
                return self.answer(503)
            self.seen.add(message["id"])
        self.answer(204)

    def answer(self, status: int) -> None:
        """Answer without a body."""
        self.send_response(status)
        self.end_headers()


def main() -> None:
    """Receive until Ctrl-C."""
    Receiver.secret = os.environ["MASKSTREAM_WEBHOOK_SECRET"]
    Receiver.program = tuple(sys.argv[1:]) or ("echo",)
    with HTTPServer(("127.0.0.1", int(os.environ.get("PORT", PORT))), Receiver) as server:
        print(f"Receiving at http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
