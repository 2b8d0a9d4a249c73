"""Sessions that are made, copied, read and ended from outside any stream.

What is made here has no connection: a client takes it up with its resume token.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from maskstream_model.errors import PromptError, StateError
from maskstream_model.parts_file import parts_from_file, parts_to_file
from maskstream_server.errors import (
    BadStateError,
    SessionUnreadableError,
    StoreError,
    UnknownSessionError,
)
from maskstream_server.session.memory import MemoryDamagedError, SessionMemory, read_memory
from maskstream_server.session.prompts import NO_PROMPTS
from maskstream_server.stores.interface import Commit, StoredSession
from maskstream_server.stores.tokens import (
    SECRET_BYTES,
    SESSION_BYTES,
    hash_token,
    is_name,
    make_token,
)
from maskstream_server.streaming.model_calls import ask_model, session_options
from maskstream_server.streaming.ports import SessionPorts

BROUGHT_EPOCH = 2
"""A memory that was brought is not the one that the session began with."""


@dataclass(frozen=True)
class NewSession:
    """A new session that waits for its client."""

    session: str
    epoch: int
    next_sequence: int
    resume_token: str
    resume_ttl_ms: int


@dataclass(frozen=True)
class State:
    """The model's memory of a session, as safetensors, after frame `sequence`."""

    epoch: int
    sequence: int
    blob: bytes


async def read_state(service: SessionPorts, session: str) -> State:
    """Read the last committed memory of a session.

    Raises:
        UnknownSessionError: there is none.
        BadStateError: it waits for the prompts with which its model begins.
        SessionUnreadableError: it is damaged, or of a later version.
        ServerFullError: the engine takes nothing now.
        StoreUnreachableError: nothing can be said now.
    """
    stored = await _load(service, session)
    memory, model = _read(service, session, stored), service.model
    options = session_options(service, memory.prompts)
    try:
        parts = memory.model_parts or await ask_model(
            service, session, lambda: model.to_parts(model.begin(options))
        )
    except PromptError:
        raise BadStateError(f"The session {session!r} has no memory and no prompts yet.") from None
    return State(stored.epoch, stored.sequence, parts_to_file(parts))


async def bring_state(service: SessionPorts, session: str, blob: bytes) -> NewSession:
    """Make a session of this name, whose memory is `blob`; its frames begin with 1.

    Its tracks keep their ids; each is mentioned to a client as it is first seen.

    Raises:
        BadStateError: the bytes are no memory of this model, or have more than `max_tracks` tracks.
        SessionExistsError: the name is taken.
        ServerFullError: the engine takes nothing now.
        StoreFullError, StoreUnreachableError: not now.
    """
    model, options = service.model, session_options(service, NO_PROMPTS)
    try:
        parts = parts_from_file(blob)
        await ask_model(service, session, partial(model.from_parts, parts, options))
    except StateError as error:
        raise BadStateError(f"The {error}.") from error
    fingerprint = model.info.fingerprint
    memory = SessionMemory(BROUGHT_EPOCH, model_parts=parts, fingerprint=fingerprint)
    return await _make(service, session, StoredSession(BROUGHT_EPOCH, 0, memory.to_parts()))


async def fork(service: SessionPorts, session: str) -> NewSession:
    """Make a second session that continues from where this one was last committed.

    Raises:
        UnknownSessionError: there is none.
        SessionUnreadableError: it is damaged.
        StoreFullError, StoreUnreachableError: not now.
    """
    stored = await _load(service, session)
    return await _make(service, service.random_bytes(SESSION_BYTES).hex(), stored)


async def end(service: SessionPorts, session: str) -> None:
    """Delete a session; a client that is connected gets `taken_over`.

    One that cannot be read is deleted too; there its client, if any, gets nothing.

    Raises:
        UnknownSessionError: there is none.
        StoreUnreachableError: not now.
    """
    try:
        lease = await service.store.seize(session, service.owner) if is_name(session) else None
    except SessionUnreadableError:
        return await service.store.discard(session)
    if lease is None:
        raise UnknownSessionError(f"There is no session {session!r}.")
    service.connections.evict(lease)
    await service.store.delete(lease)


async def _load(service: SessionPorts, session: str) -> StoredSession:
    stored = await service.store.load(session) if is_name(session) else None
    if stored is None:
        raise UnknownSessionError(f"There is no session {session!r}.")
    return stored


def _read(service: SessionPorts, session: str, stored: StoredSession) -> SessionMemory:
    fingerprint = service.model.info.fingerprint
    try:
        return read_memory(stored.epoch, stored.sequence, stored.parts, fingerprint)
    except MemoryDamagedError as error:
        log = structlog.get_logger(__name__)
        log.warning("stored_memory_unreadable", session=session, reason=str(error))
        raise SessionUnreadableError(session) from error


async def _make(service: SessionPorts, session: str, stored: StoredSession) -> NewSession:
    store = service.store
    token = make_token(session, service.random_bytes(SECRET_BYTES))
    lease = await store.create(session, service.owner, hash_token(token))
    try:
        # A session without frames is not committed: it is as new ones are.
        await store.commit(Commit(lease, 0, stored.epoch, stored.sequence, stored.parts))
    except StoreError:
        with suppress(StoreError):  # the same name may be tried again
            await store.delete(lease)
        raise
    await store.release(lease)
    ttl_ms = round(1000 * store.times.resume_ttl_s)
    return NewSession(session, stored.epoch, stored.sequence + 1, token, ttl_ms)
