"""Webhooks: signed requests to addresses that clients have named."""

import asyncio
import time
from collections.abc import Callable

from maskstream_server.errors import OutboundError
from maskstream_server.outbound.client import OutboundClient
from maskstream_server.outbound.signature import signed_headers


class WebhookClient:
    """Makes attempts.

    Args:
        client: goes where its rules let it.
        key: signs.
        now_s: Unix time.
    """

    def __init__(
        self, client: OutboundClient, key: bytes, now_s: Callable[[], float] = time.time
    ) -> None:
        self._client, self._key, self._now_s = client, key, now_s

    async def post(self, url: str, name: str, body: bytes, within_s: float) -> str | None:
        """Make one attempt; return why it was not accepted, None where it was.

        Args:
            url: where to.
            name: id of the message, the same in every attempt.
            body: JSON.
            within_s: how long it may take.
        """
        headers = signed_headers(self._key, name, body, self._now_s())
        try:
            async with asyncio.timeout(within_s):
                status = await self._client.post(url, body, headers)
        except TimeoutError:
            return "There is no answer in time."
        except OutboundError as error:
            return str(error)
        return None if 200 <= status < 300 else f"The answer has the status {status}."
