"""`/v1/sessions`: list sessions, take their memory out and bring it back, fork and end them."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from maskstream_model.memory_bounds import MAX_PARTS_BYTES
from maskstream_protocol.errors import ServerFullError
from maskstream_server.errors import StoreForbiddenError
from maskstream_server.routes.bodies import BYTES, BytesResponse, body_of
from maskstream_server.stores.interface import SessionListing
from maskstream_server.stores.tokens import is_name
from maskstream_server.streaming import transfer
from maskstream_server.streaming.activity import Activity, LiveStream
from maskstream_server.streaming.ports import SessionPorts

MAX_STATE_BYTES: Final = MAX_PARTS_BYTES + (1 << 20)
"""The header of the file names each part."""
MAX_STATES_BYTES: Final = 8 * MAX_STATE_BYTES
"""Of all that are brought at the same time."""
MAX_LISTED: Final = 1000
RIGHT_MISSING: Final = (
    "The user of the session store lacks a right for this; the operator can give it."
)


@dataclass(frozen=True)
class ListedSession(SessionListing):
    """A session of the store; `live` is its connection to this server, where it is the caller's."""

    live: LiveStream | None = None

    @classmethod
    def of(cls, listed: SessionListing, streaming: Mapping[str, Activity]) -> Self:
        """Return the entry of a session."""
        activity = streaming.get(listed.session)
        return cls(**vars(listed), live=None if activity is None else activity.shown())


@dataclass(frozen=True)
class ListedSessions:
    """A list of sessions."""

    sessions: list[ListedSession]


def session_routes(service: SessionPorts) -> APIRouter:
    """Return the routes of sessions."""

    async def permitted() -> AsyncIterator[None]:
        """Where the store's user lacks a right, trying again does not help a client."""
        try:
            yield
        except StoreForbiddenError:
            raise HTTPException(501, RIGHT_MISSING) from None

    router = APIRouter(prefix="/v1/sessions", tags=["sessions"], dependencies=[Depends(permitted)])
    bodies = Bodies()

    @router.get("")
    async def list_sessions(
        request: Request, limit: str = "100", here: bool = False
    ) -> ListedSessions:
        """List sessions, at most `limit` (1 to 1000) of them.

        All of the store; with `here` those that stream to this server, of the caller's key.
        """
        if not re.fullmatch(r"[0-9]{1,4}", limit) or not 1 <= int(limit) <= MAX_LISTED:
            raise HTTPException(422, f"limit={limit!r} must be a number from 1 to {MAX_LISTED}.")
        streaming = service.connections.of(request.state.caller)
        if here:
            listed = [_streaming(service, *each) for each in streaming.items()]
        else:
            listed = await service.store.listing(int(limit))
        entries = [ListedSession.of(each, streaming) for each in listed[: int(limit)]]
        return ListedSessions(entries)

    @router.delete("/{session}", status_code=204)
    async def end_session(session: str) -> None:
        """Delete a session; its client gets `taken_over`."""
        await transfer.end(service, session)

    @router.post("/{session}/fork", status_code=201)
    async def fork_session(session: str) -> transfer.NewSession:
        """Begin a second session with the memory of the last committed frame."""
        return await transfer.fork(service, session)

    @router.get("/{session}/state", response_class=BytesResponse)
    async def get_state(session: str) -> Response:
        """Return a session's memory as safetensors."""
        found = await transfer.read_state(service, session)
        place = {"maskstream-epoch": str(found.epoch), "maskstream-sequence": str(found.sequence)}
        name = f'attachment; filename="{session}-{found.sequence}.safetensors"'
        return BytesResponse(found.blob, headers={**place, "content-disposition": name})

    @router.put("/{session}/state", status_code=201, openapi_extra=body_of(BYTES))
    async def put_state(session: str, request: Request) -> transfer.NewSession:
        """Begin a session of this name with that memory; its frames count from 1."""
        if not is_name(session):
            raise HTTPException(
                422, f"{session!r} cannot name a session: use letters and digits, 64 at most."
            )
        async with bodies.read(request) as blob:
            return await transfer.bring_state(service, session, blob)

    return router


def _streaming(service: SessionPorts, session: str, activity: Activity) -> SessionListing:
    """Return what the store would say of a session that streams to this server."""
    expires_ms = round(1000 * service.store.times.resume_ttl_s)
    return SessionListing(session, activity.epoch, activity.sequence, service.owner, expires_ms)


class Bodies:
    """Request bodies in memory, with a bound on each and on all together."""

    def __init__(self) -> None:
        self._num_bytes = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Read a body, no further than the limits; it counts until the block ends."""
        blob = bytearray()
        try:
            async for piece in request.stream():
                blob += piece
                self._num_bytes += len(piece)
                if len(blob) > MAX_STATE_BYTES:
                    raise HTTPException(413, f"A state has at most {MAX_STATE_BYTES} bytes.")
                if self._num_bytes > MAX_STATES_BYTES:
                    raise ServerFullError("Too many states are being brought; try again.")
            yield bytes(blob)
        finally:
            self._num_bytes -= len(blob)
