"""Keeps the connection of a session: opens it, moves its messages, reconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from maskstream_client import events
from maskstream_client.addresses import Addresses
from maskstream_client.connection_errors import CONNECTION_ERRORS
from maskstream_client.events import Event
from maskstream_client.network import redacted_logger, trust
from maskstream_client.reconnecting import ReconnectPolicy
from maskstream_client.session import ClientSession
from maskstream_client.stream_options import RetryRules
from maskstream_protocol import SUBPROTOCOL, messages
from maskstream_protocol.errors import WireError

_MAX_MESSAGE_BYTES: Final = 256 * 2**20
_OPEN_TIMEOUT_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 2.0


def opening(
    url: str, headers: dict[str, str], retry: RetryRules, proxy: str | None = None
) -> connect:
    """Open a connection; a silent server is a timeout."""
    return connect(
        url,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        additional_headers=headers,
        compression=None,
        max_size=_MAX_MESSAGE_BYTES,
        open_timeout=_OPEN_TIMEOUT_S,
        close_timeout=_CLOSE_TIMEOUT_S,
        ping_interval=retry.dead_after_s / 2,
        ping_timeout=retry.dead_after_s / 2,
        proxy=proxy,
        ssl=trust() if url.startswith("wss:") else None,
        logger=redacted_logger(),
    )


class Connection:
    """The shell of a `ClientSession`: one task runs `run`, any task may `send_out`.

    Args:
        addresses: of the servers; each attempt after a lost connection takes the next one.
        session: what to send and what it means.
        deliver: called with every event, and with None when only credit has changed.
        headers: of the opening request.
        retry: see `RetryRules`.
    """

    def __init__(
        self,
        addresses: Addresses,
        session: ClientSession,
        deliver: Callable[[Event | None], None],
        headers: dict[str, str],
        retry: RetryRules,
    ) -> None:
        self._addresses = addresses
        self._session = session
        self._deliver = deliver
        self._headers = headers
        self._retry = retry
        self._socket: ClientConnection | None = None
        self._sending = asyncio.Lock()
        self._refused: WireError | None = None
        self._attempts = ReconnectPolicy(addresses, retry, 0.0)
        self._sent_bye = False

    async def run(self) -> None:
        """Keep the connection until `bye` is answered.

        Raises:
            WireError: the server refused the stream with a fatal error.
            ConnectionFailedError: no server is there, or none came back in time.
        """
        self._note_progress()
        reported = None
        while True:
            try:
                await self._connect_once()
            except CONNECTION_ERRORS as error:
                now_s = asyncio.get_running_loop().time()
                lost = self._attempts.lost(error, self._refused, now_s)
            else:
                return
            if self._attempts.was_accepted or lost.reason != reported:
                self._deliver(lost)
            reported = lost.reason
            await asyncio.sleep(lost.delay_s)

    async def send_bye(self) -> None:
        """End the session when everything is answered; `run` then returns."""
        self._sent_bye = True
        self._session.request(messages.Bye())
        await self.send_out()

    async def send_out(self) -> None:
        """Send what the session has to send; a lost connection is noticed by `run`."""
        async with self._sending:
            socket = self._socket
            if socket is None:
                return
            try:
                for message in self._session.outgoing():
                    await socket.send(message)
            except ConnectionClosed:
                return

    async def _connect_once(self) -> None:
        """One connection from its opening to its end, which is an exception unless bye was sent."""
        self._refused = None
        place = self._addresses
        async with opening(place.current, self._headers, self._retry, place.proxy) as socket:
            self._socket = socket
            self._session.connection_opened()
            try:
                await self._move_messages(socket)
            finally:
                self._socket = None
                self._session.connection_lost()

    async def _move_messages(self, socket: ClientConnection) -> None:
        await self.send_out()
        while True:
            try:
                message = await socket.recv()
            except ConnectionClosed as closed:
                if self._sent_bye and closed.rcvd is not None and closed.rcvd.code == 1000:
                    return
                raise
            for event in self._session.receive(message):
                self._note(event)
                if not self._is_wait(event):
                    self._deliver(event)
            self._deliver(None)
            await self.send_out()

    def _note(self, event: Event) -> None:
        if isinstance(event, events.Connected):
            self._attempts.note_accepted(asyncio.get_running_loop().time())
        elif isinstance(event, events.Answered):
            self._note_progress()
        elif isinstance(event, events.Refused) and event.fatal:
            self._refused = event.error

    def _is_wait(self, event: Event) -> bool:
        """Whether a refusal is only a reason to wait, which `run` reports."""
        refused = isinstance(event, events.Refused) and event.fatal
        return (
            refused and not self._attempts.was_accepted and self._attempts.is_invited(self._refused)
        )

    def _note_progress(self) -> None:
        self._attempts.note_progress(asyncio.get_running_loop().time())
