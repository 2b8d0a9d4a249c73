"""A server as a process of its own in which steps and memories may hang for ever.

python hanging_server.py SETTINGS_AS_JSON
"""

import json
import sys
import time
from typing import Any

from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.assembly import assemble
from maskstream_server.lifecycle.server import bind, serve_forever
from maskstream_server.telemetry.log import set_up_logging
from support.server import POISON, FakeModel

FOR_EVER_S = 3600.0


class HangingModel(FakeModel):
    """Hangs in the step of a poisonous frame, and in a memory that says so."""

    def step(self, frame: Any, state: int, max_tracks: int | None = None) -> Any:
        if (frame[0, 0] == POISON).all():
            time.sleep(FOR_EVER_S)
        return super().step(frame, state, max_tracks)

    def state_from_bytes(self, blob: bytes) -> int:
        if blob == b"hang":
            time.sleep(FOR_EVER_S)
        return super().state_from_bytes(blob)


def main(values: str) -> None:
    settings = Settings(host="127.0.0.1", port=0, **json.loads(values))
    set_up_logging("json", "info")
    with bind(settings.host, settings.port) as bound:
        serve_forever(assemble(settings, HangingModel()), bound)


if __name__ == "__main__":
    main(sys.argv[1])
