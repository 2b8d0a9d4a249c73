"""The prompts of a session, and the classes that they are given: pure (docs/protocol.md 10)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from maskstream_model.port import Prompt
from maskstream_protocol.errors import BadMessageError
from maskstream_protocol.notices import PromptInfo

MAX_TEXTS: Final = 1024
"""Of a session: each keeps its class, so that all are remembered."""


@dataclass(frozen=True)
class SessionPrompts:
    """What is to be segmented.

    Attributes:
        texts: all that the session has asked for, in order; a text's place is its class.
        wanted: classes of those that are asked for now.
    """

    texts: tuple[str, ...] = ()
    wanted: tuple[int, ...] = ()

    def replaced(self, prompts: Iterable[str]) -> "SessionPrompts":
        """Return what holds once these are asked for; a text that comes again keeps its class.

        Raises:
            BadMessageError: the session has asked for too many.
        """
        asked = tuple(dict.fromkeys(prompts))
        texts = self.texts + tuple(text for text in asked if text not in self.texts)
        if len(texts) > MAX_TEXTS:
            raise BadMessageError(f"A session takes {MAX_TEXTS} different prompts; begin another.")
        return SessionPrompts(texts, tuple(texts.index(text) for text in asked))

    @property
    def asked(self) -> tuple[str, ...]:
        """The texts that are asked for now."""
        return tuple(self.texts[class_id] for class_id in self.wanted)

    def for_model(self) -> tuple[Prompt, ...]:
        """Return what the model is given."""
        return tuple(Prompt(self.texts[class_id], class_id) for class_id in self.wanted)

    def notices(self, tracks: Mapping[int, int]) -> tuple[PromptInfo, ...]:
        """Return what the client is sent; `tracks`: the class of each living track."""
        return tuple(
            PromptInfo(
                self.texts[class_id],
                class_id,
                tuple(sorted(track for track, label in tracks.items() if label == class_id)),
            )
            for class_id in self.wanted
        )


NO_PROMPTS: Final = SessionPrompts()
