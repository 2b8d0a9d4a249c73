"""The ways of an event to a receiver, and the signed webhook among them."""

import json
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from maskstream_server.outbound.client import OutboundClient
from maskstream_server.outbound.rules import HostRules
from maskstream_server.outbound.webhook import WebhookClient

ATTEMPT_S: Final = 20.0
"""What one attempt may take."""


class DeliveryChannel(Protocol):
    """One way; what it sends are bodies of `events.found.FoundEvent.message`."""

    async def send(self, body: bytes) -> str | None:
        """Make one attempt; return why it was not accepted, None where it was."""


def read_message(body: bytes) -> tuple[str | None, dict[str, Any]]:
    """Return the address and the message of a body."""
    values = json.loads(body)
    return values["address"], values["message"]


class WebhookChannel:
    """Posts each event to the address of its session, signed as decision 17 has it.

    Args:
        rules: where webhooks may go.
        key: signs them.
    """

    def __init__(
        self, rules: HostRules, key: bytes, now_s: Callable[[], float] = time.time
    ) -> None:
        self.rules = rules
        self._client = WebhookClient(OutboundClient(rules), key, now_s)

    async def send(self, body: bytes) -> str | None:
        """See `DeliveryChannel.send`."""
        url, message = read_message(body)
        assert url is not None
        return await self._client.post(url, message["id"], json.dumps(message).encode(), ATTEMPT_S)
