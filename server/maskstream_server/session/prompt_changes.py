"""Changes of a session's prompts, which the model may refuse: pure (docs/protocol.md 10)."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from maskstream_protocol.errors import BadMessageError
from maskstream_protocol.notices import Prompted
from maskstream_server.session.actions import Action, CheckPrompts, SendMessage
from maskstream_server.session.line import FrameTask
from maskstream_server.session.prompts import SessionPrompts

MAX_WAITING: Final = 64


@dataclass(frozen=True)
class PromptChange:
    """A list of texts that counts from frame `sequence` on, unless the model refuses it.

    Attributes:
        expected: the prompts then, if the model takes this change and those before it.
    """

    texts: tuple[str, ...]
    sequence: int
    expected: SessionPrompts


class PromptChanges:
    """The prompts of the next frame, and the changes that the model looks at, one after the other.

    Frames that come behind such a change wait for it.
    """

    def __init__(self, prompts: SessionPrompts) -> None:
        self.current = prompts
        self._waiting: deque[PromptChange] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def ask(self, texts: tuple[str, ...], sequence: int) -> list[Action]:
        """Segment by these texts from frame `sequence` on, if the model takes them.

        Raises:
            BadMessageError: too many changes wait, or the session has asked for too many texts.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise BadMessageError(f"{MAX_WAITING} changes of the prompts wait already.")
        newest = self._waiting[-1].expected if self._waiting else self.current
        self._waiting.append(PromptChange(texts, sequence, newest.replaced(texts)))
        return self._check_next() if len(self._waiting) == 1 else []

    def checked(
        self, taken: bool, tasks: Iterable[FrameTask], classes: Mapping[int, int]
    ) -> list[Action]:
        """Note whether the model takes the oldest change; have the next one checked.

        Args:
            taken: False leaves the prompts as they were.
            tasks: frames in the line, of which some wait for this.
            classes: of the tracks that the client knows.
        """
        change = self._waiting.popleft()
        actions: list[Action] = []
        if taken:
            self.current = self.current.replaced(change.texts)
            actions.append(SendMessage(Prompted(change.sequence, self.current.notices(classes))))
        for task in tasks:
            decided = not self._waiting or task.frame.sequence < self._waiting[0].sequence
            if task.awaits_prompts and decided:
                task.prompts, task.awaits_prompts = self.current, False
        return actions + self._check_next()

    def _check_next(self) -> list[Action]:
        if not self._waiting:
            return []
        return [CheckPrompts(self.current.replaced(self._waiting[0].texts))]
