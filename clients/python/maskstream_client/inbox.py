"""Turns a session's events into results that wait to be read, and reports the rest."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from maskstream_client import events
from maskstream_client.events import Event
from maskstream_client.model_card import ClassInfo
from maskstream_client.result import Result
from maskstream_client.terminal import printable
from maskstream_protocol.frames import UNKNOWN_TIME
from maskstream_protocol.notices import PromptInfo
from maskstream_protocol.results import ResultMessage

MAX_UNREAD_RESULTS: Final = 1024
_log = logging.getLogger("maskstream_client")


class Inbox:
    """The results of one stream.

    Args:
        on_event: called with every event that is no result; None logs what the user should know.

    Attributes:
        prompted: how the latest change of prompts was answered.
    """

    def __init__(self, on_event: Callable[[Event], None] | None = None) -> None:
        self.classes: dict[int, ClassInfo] = {}
        self.prompts: tuple[PromptInfo, ...] = ()
        self.prompted: events.PromptsChanged | events.PromptsRefused | None = None
        self._on_event = on_event or log_event
        self._unread: deque[Result] = deque()
        self._expected: dict[int, tuple[tuple[int, int], float, int]] = {}
        self._reset: events.IdentitiesReset | None = None

    @property
    def is_full(self) -> bool:
        """Whether so many results are unread that no more frames should be sent."""
        return len(self._unread) >= MAX_UNREAD_RESULTS

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be read."""
        return not self._unread

    def expect(
        self, frame_index: int, frame_size: tuple[int, int], now_s: float, pts_us: int
    ) -> None:
        """Note when a frame of which size and presentation time was sent."""
        self._expected[frame_index] = (frame_size, now_s, pts_us)

    def take(self) -> Result | None:
        """The next result."""
        return self._unread.popleft() if self._unread else None

    def answer_to_prompts(self) -> events.PromptsChanged | None:
        """How the latest change of prompts was answered; raises the server's error if so."""
        if isinstance(self.prompted, events.PromptsRefused):
            raise self.prompted.error
        return self.prompted

    def put(self, event: Event, now_s: float) -> None:
        """Take an event."""
        match event:
            case events.Answered(frame_index, message):
                self._unread.append(self._result(frame_index, message, now_s))
            case events.Provisional(frame_index, message):
                self._unread.append(self._provisional(frame_index, message, now_s))
            case events.Dropped(frame_index, reason):
                self._unread.append(self._empty(frame_index, reason, now_s))
                self._on_event(event)
            case events.IdentitiesReset():
                self._reset = event
                self._on_event(event)
            case events.Connected(welcome):
                self._set_prompts(welcome.prompts or ())
                self._on_event(event)
            case events.PromptsChanged() | events.PromptsRefused():
                self.prompted = event
                if isinstance(event, events.PromptsChanged):
                    self._set_prompts(event.prompts)
                self._on_event(event)
            case events.FlushDone():
                pass
            case _:
                self._on_event(event)

    def _set_prompts(self, prompts: tuple[PromptInfo, ...]) -> None:
        self.prompts = prompts
        named = {each.class_id: ClassInfo(each.class_id, each.text, "", True) for each in prompts}
        self.classes = self.classes | named

    def _provisional(self, frame_index: int, message: ResultMessage, now_s: float) -> Result:
        size, sent_at_s, _ = self._expected[frame_index]
        return Result(frame_index, message, size, self.classes, now_s - sent_at_s)

    def _result(self, frame_index: int, message: ResultMessage, now_s: float) -> Result:
        unknown = message.mask_size, now_s, UNKNOWN_TIME
        size, sent_at_s, _ = self._expected.pop(frame_index, unknown)
        reset = self._reset
        if reset is not None and reset.epoch == message.epoch:
            self._reset = None
        else:
            reset = None
        return Result(frame_index, message, size, self.classes, now_s - sent_at_s, reset)

    def _empty(self, frame_index: int, reason: str, now_s: float) -> Result:
        unknown = (0, 0), now_s, UNKNOWN_TIME
        size, sent_at_s, pts_us = self._expected.pop(frame_index, unknown)
        empty = ResultMessage(sequence=0, epoch=0, mask_size=size, pts_us=pts_us)
        return Result(frame_index, empty, size, self.classes, now_s - sent_at_s, drop_reason=reason)


def log_event(event: Event) -> None:
    """Write to the log what a user must not miss."""
    match event:
        case events.IdentitiesReset(epoch, reason):
            _log.warning("Identities start over (%s): epoch %d.", reason, epoch)
        case events.ConnectionLost(reason, delay_s):
            _log.warning("%s Trying again in %.1f s.", printable(reason), delay_s)
        case events.Dropped(frame_index, reason):
            _log.info("Frame %d gets no result: %s.", frame_index, reason)
        # A fatal refusal is raised.
        case events.Refused(error, False) | events.PromptsRefused(error):
            _log.warning("%s: %s", error.code, printable(str(error)))
        case events.GoingAway(in_ms, reason):
            _log.info("The server goes away in %d ms: %s.", in_ms, printable(reason))
