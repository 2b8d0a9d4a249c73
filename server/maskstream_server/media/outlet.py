"""The child's end of the pipe; a parent that does not read holds the child up."""

import os
import time
from typing import Final

from maskstream_server.media.confinement import Alarm
from maskstream_server.media.messages import HEADER, MessageKind

_TOUCH_S: Final = 1.0


class Outlet:
    """Sends messages, with the alarm off while it waits for the reader."""

    def __init__(self, pipe: int, alarm: Alarm) -> None:
        self._pipe = pipe
        self._alarm = alarm
        self._latest_s = time.monotonic()
        alarm.set()

    def stay_in_touch(self) -> None:
        """Let the parent know, once a second, that there is progress without a frame.

        Raises:
            BrokenPipeError: the parent is gone.
        """
        if time.monotonic() - self._latest_s > _TOUCH_S:
            self.send(MessageKind.AT_WORK)

    def send(self, kind: MessageKind, *parts: bytes | memoryview) -> None:
        """Send one message.

        Raises:
            BrokenPipeError: the parent is gone.
        """
        self._alarm.off()
        for part in (HEADER.pack(kind, sum(map(len, parts))), *parts):
            left = memoryview(part)
            while left:
                left = left[os.write(self._pipe, left) :]
        self._latest_s = time.monotonic()
        self._alarm.set()
