"""From `hello` to `welcome`: what is agreed, and whether a session is new or goes on."""

from dataclasses import dataclass, replace
from typing import Any

import structlog

from maskstream_model.errors import StateError
from maskstream_protocol.errors import ModelUnknownError, ServerFullError
from maskstream_protocol.messages import Hello, Resume
from maskstream_protocol.notices import (
    FrameCredit,
    Limits,
    ModelInfo,
    ResetNotice,
    ResetReason,
    Welcome,
)
from maskstream_protocol.results import mark_durable
from maskstream_server.error_answers import RETRY_AFTER_MS
from maskstream_server.errors import SessionUnreadableError
from maskstream_server.session.admission import Terms, agreed_codecs
from maskstream_server.session.credit import CreditLimit
from maskstream_server.session.memory import MemoryDamagedError, SessionMemory, read_memory
from maskstream_server.session.session import Beginning
from maskstream_server.stores.interface import Lease, StoredSession, TakenOver
from maskstream_server.stores.tokens import (
    SECRET_BYTES,
    SESSION_BYTES,
    TokenClaim,
    make_token,
    read_token,
)
from maskstream_server.stores.tokens import hash_token as hashed
from maskstream_server.streaming.ports import SessionPorts


@dataclass(frozen=True)
class Greeting:
    """All that a connection starts from.

    Attributes:
        welcome, reset: what the client is told first; `reset` where its token was dead.
        repeated: kept results that it has not seen, marked durable.
        terms, beginning: of the session's state machine.
        lease, token: the right to write the session, and the client's newest token.
    """

    welcome: Welcome
    reset: ResetNotice | None
    repeated: tuple[bytes, ...]
    terms: Terms
    beginning: Beginning
    lease: Lease
    token: str


async def greet(service: SessionPorts, hello: Hello, address: str) -> Greeting:
    """Take a session up, or begin a new one.

    Raises:
        WireError: the model is unknown, no codec is common, or the server is full, or has as many
            sessions of `address` as it takes.
        StoreError: the store cannot take or give a session now.
    """
    terms = agree(service, hello)
    claim = read_token(hello.resume.token) if hello.resume else None
    service.lobby.check_room(address, claim.session if claim else None)
    if not service.engine.ready:
        raise ServerFullError("The model is warming up.", retry_after_ms=RETRY_AFTER_MS)
    lost: ResetReason | None = None
    if hello.resume is not None:
        resumed = await _take_up(service, terms, claim, hello.resume)
        if isinstance(resumed, Greeting):
            return resumed
        lost = resumed
    return await _begin(service, terms, lost, address)


def agree(service: SessionPorts, hello: Hello) -> Terms:
    """Return what `hello` and this server's settings amount to.

    Raises:
        ModelUnknownError: another model is asked for.
        CodecUnsupportedError: no codec is common.
    """
    settings = service.settings
    if hello.model not in (None, service.model.info.name):
        raise ModelUnknownError(f"This server has no model {hello.model!r}.")
    return Terms(
        policy=hello.policy,
        codecs=agreed_codecs(hello.codecs),
        credit=CreditLimit(settings.credit_frames, settings.credit_bytes),
        max_frame_bytes=settings.max_frame_bytes,
        max_frame_pixels=settings.max_frame_pixels,
        messages_per_s=settings.max_messages_per_s,
        max_tracks=settings.max_tracks,
    )


async def _begin(
    service: SessionPorts, terms: Terms, lost: ResetReason | None, address: str
) -> Greeting:
    service.lobby.check_room(address)
    session = service.random_bytes(SESSION_BYTES).hex()
    token = make_token(session, service.random_bytes(SECRET_BYTES))
    lease = await service.store.create(session, service.owner, hashed(token))
    memory = SessionMemory(fingerprint=service.model.info.fingerprint)
    reset = ResetNotice(memory.epoch, lost, memory.sequence + 1) if lost else None
    welcome = _welcome(service, lease, token, memory, resumed=False)
    return Greeting(welcome, reset, (), terms, Beginning(memory), lease, token)


async def _take_up(
    service: SessionPorts, terms: Terms, claim: TokenClaim | None, resume: Resume
) -> Greeting | ResetReason:
    """Return the greeting of a session that goes on, or why it cannot."""
    if claim is None:
        return "expired"
    token = make_token(claim.session, service.random_bytes(SECRET_BYTES))
    store = service.store
    try:
        taken = await store.take_over(claim.session, service.owner, claim.token_hash, hashed(token))
    except SessionUnreadableError:
        return "state_lost"
    if taken is None:
        return "expired"
    service.lobby.evict(taken.lease)
    beginning = await _restore(service, taken.stored)
    if not isinstance(beginning, Beginning):
        await _give_up(service, taken, beginning)
        return beginning
    seen = min(resume.last_sequence, beginning.memory.sequence)
    try:
        kept = await store.results_after(claim.session, 0)
    except SessionUnreadableError:
        await _give_up(service, taken, "state_lost")
        return "state_lost"
    beginning = replace(beginning, kept=tuple(result.sequence for result in kept))
    return Greeting(
        welcome=_welcome(service, taken.lease, token, beginning.memory, resumed=True),
        reset=None,
        repeated=tuple(mark_durable(item.message) for item in kept if item.sequence > seen),
        terms=terms,
        beginning=beginning,
        lease=taken.lease,
        token=token,
    )


async def _restore(service: SessionPorts, stored: StoredSession | None) -> Beginning | ResetReason:
    if stored is None:
        return "state_lost"
    model, fingerprint = service.model, service.model.info.fingerprint
    try:
        memory = read_memory(stored.epoch, stored.sequence, stored.parts, fingerprint)
        if memory.fingerprint != fingerprint:
            return "model_changed"
        if not memory.model_parts:
            return Beginning(memory)
        state: Any = await service.compute(model.from_parts, memory.model_parts)
    except (MemoryDamagedError, StateError) as error:
        structlog.get_logger(__name__).warning("stored_memory_unreadable", reason=str(error))
        return "state_lost"
    return Beginning(memory, state, model.committed(state))


async def _give_up(service: SessionPorts, taken: TakenOver, reason: ResetReason) -> None:
    """Delete a memory that nobody can use any more."""
    log = structlog.get_logger(__name__)
    log.warning("session_given_up", session=taken.lease.session, reason=reason)
    await service.store.delete(taken.lease)


def _welcome(
    service: SessionPorts, lease: Lease, token: str, memory: SessionMemory, resumed: bool
) -> Welcome:
    settings = service.settings
    return Welcome(
        session=lease.session,
        epoch=memory.epoch,
        resumed=resumed,
        next_sequence=memory.sequence + 1,
        credit=FrameCredit(settings.credit_frames, settings.credit_bytes),
        heartbeat_ms=settings.heartbeat_ms,
        idle_ms=settings.idle_ms,
        resume_token=token,
        resume_ttl_ms=round(1000 * service.store.times.resume_ttl_s),
        model=model_info(service),
        limits=Limits(settings.max_frame_bytes, settings.max_frame_pixels, settings.max_tracks),
    )


def model_info(service: SessionPorts) -> ModelInfo:
    """Return what clients are told of the model that serves them."""
    info = service.model.info
    classes_url = f"{service.settings.root_path}/v1/models/{info.name}"
    return ModelInfo(info.name, info.task, info.fingerprint, classes_url)
