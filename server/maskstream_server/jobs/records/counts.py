"""How many videos are in which state, and whether one stands still: pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from maskstream_server.jobs.records.record import Listed, UnreadableRecord, VideoState


@dataclass
class VideoCounts:
    """What a pass over all records has found so far.

    Attributes:
        silence_s: longest time since a running video was last written.
    """

    now_s: float
    states: Counter[VideoState] = field(default_factory=Counter)
    num_unreadable: int = 0
    silence_s: float = 0.0

    def add(self, record: Listed) -> None:
        """Count one video."""
        if isinstance(record, UnreadableRecord):
            self.num_unreadable += 1
            return
        self.states[record.state] += 1
        if record.state is VideoState.RUNNING:
            self.silence_s = max(self.silence_s, self.now_s - record.updated_s)

    @property
    def counts(self) -> Mapping[str, int]:
        """Videos in every state, also in those that have none."""
        states = {state.value: self.states[state] for state in VideoState}
        return states | {"unreadable": self.num_unreadable}
