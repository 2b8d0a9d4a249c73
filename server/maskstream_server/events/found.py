"""An event and the frame that it is on, as it is delivered outside of results."""

import json
from dataclasses import dataclass
from typing import Any

from maskstream_protocol.rule_events import RuleEvent


@dataclass(frozen=True)
class FoundEvent:
    """An event of a session.

    Attributes:
        sequence, epoch, pts_us: of the frame; a time below 0 is not known.
    """

    sequence: int
    epoch: int
    pts_us: int
    event: RuleEvent

    def to_json(self, session: str) -> dict[str, Any]:
        """Return what receivers of webhooks and MQTT are sent."""
        return {
            "id": f"{session}.{self.event.id}",
            "session": session,
            "epoch": self.epoch,
            "sequence": self.sequence,
            "time_s": None if self.pts_us < 0 else self.pts_us / 1e6,
            "event": self.event.to_json(),
        }

    def message(self, session: str, address: str | None) -> bytes:
        """Return what an outbox keeps of it; `address`: where a webhook goes."""
        values = {"address": address, "message": self.to_json(session)}
        return json.dumps(values, separators=(",", ":")).encode()
