"""Where a connection takes its session up."""

from dataclasses import dataclass, field
from typing import Any

from maskstream_server.session.memory import SessionMemory


@dataclass(frozen=True)
class Beginning:
    """Where a connection takes its session up.

    Attributes:
        memory: the answered one.
        state: the model's; None where the epoch has seen nothing.
        index: last frame that `state` holds, as the model counts.
        kept: sequences of the results that the store keeps, in order.
    """

    memory: SessionMemory = field(default_factory=SessionMemory)
    state: Any = None
    index: int = 0
    kept: tuple[int, ...] = ()
