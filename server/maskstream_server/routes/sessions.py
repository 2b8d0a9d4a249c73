"""`/v1/sessions`: list sessions, take their memory out and bring it back, fork and end them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, Final

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from maskstream_model.errors import StateError
from maskstream_protocol.errors import ServerFullError, StoreAwayError
from maskstream_server.http.access import check_key, check_origin
from maskstream_server.lifecycle.service import Service
from maskstream_server.stores.errors import (
    SessionExistsError,
    SessionUnreadableError,
    StoreForbiddenError,
    StoreUnreachableError,
)
from maskstream_server.stores.tokens import is_name
from maskstream_server.streaming import transfer

MAX_STATE_BYTES: Final = 32 << 20
"""A hundred tracks of the largest preset need less than a tenth of it."""
MAX_STATES_BYTES: Final = 8 * MAX_STATE_BYTES
"""Of all that are brought at the same time."""
MAX_LISTED: Final = 1000
STATE_TYPE: Final = "application/octet-stream"


def session_routes(service: Service) -> APIRouter:
    """Return the routes of sessions."""

    async def allowed(request: Request) -> None:
        check_key(request.headers, service.settings)
        check_origin(request.headers, service.settings)

    router = APIRouter(prefix="/v1/sessions", dependencies=[Depends(allowed)])
    bodies = Bodies()

    @router.get("")
    async def sessions(limit: str = "100") -> dict[str, Any]:
        if not re.fullmatch(r"[0-9]{1,4}", limit) or not 1 <= int(limit) <= MAX_LISTED:
            raise HTTPException(422, f"limit={limit!r} must be a number from 1 to {MAX_LISTED}.")
        async with _told():
            listed = await service.store.listing(int(limit))
        return {"sessions": [asdict(each) for each in listed]}

    @router.delete("/{session}", status_code=204)
    async def end(session: str) -> None:
        async with _told():
            await transfer.end(service, session)

    @router.post("/{session}/fork", status_code=201)
    async def fork(session: str) -> dict[str, Any]:
        async with _told():
            return asdict(await transfer.fork(service, session))

    @router.get("/{session}/state")
    async def state(session: str) -> Response:
        async with _told():
            found = await transfer.read_state(service, session)
        place = {"maskstream-epoch": str(found.epoch), "maskstream-sequence": str(found.sequence)}
        name = f'attachment; filename="{session}-{found.sequence}.safetensors"'
        return Response(
            found.blob, headers={**place, "content-disposition": name}, media_type=STATE_TYPE
        )

    @router.put("/{session}/state", status_code=201)
    async def bring(session: str, request: Request) -> dict[str, Any]:
        if not is_name(session):
            raise HTTPException(
                422, f"{session!r} cannot name a session: use letters and digits, 64 at most."
            )
        async with _told(), bodies.read(request) as blob:
            return asdict(await transfer.bring_state(service, session, blob))

    return router


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """Turn what may go wrong into answers of one sentence."""
    try:
        yield
    except transfer.UnknownSessionError as error:
        raise HTTPException(404, str(error)) from None
    except SessionUnreadableError as error:
        raise HTTPException(409, str(error)) from None
    except SessionExistsError:
        raise HTTPException(409, "There is a session of this name; choose another.") from None
    except StateError as error:
        raise HTTPException(422, f"The {error}.") from None
    except StoreForbiddenError:
        text = "The user of the session store lacks a right for this; the operator can give it."
        raise HTTPException(501, text) from None
    except StoreUnreachableError:
        raise StoreAwayError("The session store cannot be reached now; try again.") from None


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
