"""The child's end of the pipe; a parent that does not read holds the child up."""

import os

from maskstream_server.media.confinement import Alarm
from maskstream_server.media.messages import HEADER, Kind


class Outlet:
    """Sends messages, and lets the alarm count only while the decoder works.

    Args:
        pipe: file descriptor.
        alarm: counts from now on.
    """

    def __init__(self, pipe: int, alarm: Alarm) -> None:
        self._pipe = pipe
        self._alarm = alarm
        alarm.set()

    def send(self, kind: Kind, *parts: bytes | memoryview) -> None:
        """Send one message.

        Raises:
            BrokenPipeError: the parent is gone.
        """
        self._alarm.off()
        for part in (HEADER.pack(kind, sum(map(len, parts))), *parts):
            left = memoryview(part)
            while left:
                left = left[os.write(self._pipe, left) :]
        self._alarm.set()
