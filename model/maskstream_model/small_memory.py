"""A base of models whose memory is a few whole numbers, kept as one part of JSON; no torch."""

import json
from collections.abc import Mapping
from dataclasses import astuple, fields
from typing import Any, ClassVar, Final, Protocol, TypeVar

from maskstream_model.errors import StateError
from maskstream_model.frame_by_frame import NO_OPTIONS, Counted, FrameByFrame
from maskstream_model.port import SessionOptions

PART: Final = "memory"


class Numbers(Counted, Protocol):
    """An instance of a dataclass whose fields are whole numbers."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


State = TypeVar("State", bound=Numbers)


class SmallMemory(FrameByFrame[State]):
    """Implements `port.Model` except for the step of a frame.

    Attributes:
        memory: a frozen dataclass of whole numbers from 0 on; a session begins with its defaults.
    """

    memory: type[State]

    def first_state(self) -> State:
        """Return the defaults."""
        return self.memory()

    def to_parts(self, state: State) -> dict[str, bytes]:
        """Return one part: the fingerprint, and the numbers in their order."""
        return {PART: json.dumps([self.info.fingerprint, *astuple(state)]).encode()}

    def from_parts(self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS) -> State:
        """Read what `to_parts` wrote; see `port.Model`."""
        if set(parts) != {PART}:
            raise StateError(f"the only part is {PART}, not {', '.join(sorted(parts)) or 'none'}")
        try:
            fingerprint, *numbers = json.loads(parts[PART])
            if len(numbers) != len(fields(self.memory)):
                raise ValueError(f"{len(numbers)} numbers")
            state = self.memory(*numbers)
        except (TypeError, ValueError, RecursionError) as error:
            raise StateError(f"the part {PART} is damaged: {error}") from error
        if fingerprint != self.info.fingerprint:
            raise StateError(f"the state is of {fingerprint}, not of {self.info.fingerprint}")
        if not all(type(number) is int and number >= 0 for number in astuple(state)):
            raise StateError(f"the part {PART} has what is no number of {self.info.name}")
        return state
