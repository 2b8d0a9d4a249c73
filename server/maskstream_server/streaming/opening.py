"""From `hello` to `welcome`: what is agreed, and whether a session is new or resumed."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import structlog

from maskstream_model.errors import StateError
from maskstream_protocol.errors import (
    BadHelloError,
    BadMessageError,
    ModelUnknownError,
    ServerFullError,
)
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
from maskstream_server.config.settings import Settings
from maskstream_server.errors import RETRY_AFTER_MS, SessionUnreadableError
from maskstream_server.events.rules import EventRules
from maskstream_server.session.admission import Terms, agreed_codecs
from maskstream_server.session.credit import CreditLimit
from maskstream_server.session.memory import (
    Beginning,
    MemoryDamagedError,
    SessionMemory,
    read_memory,
)
from maskstream_server.session.prompts import SessionPrompts
from maskstream_server.session.reporting import labels_of
from maskstream_server.stores.interface import Lease, TakenOver
from maskstream_server.stores.tokens import (
    SECRET_BYTES,
    SESSION_BYTES,
    TokenClaim,
    make_token,
    read_token,
)
from maskstream_server.stores.tokens import hash_token as hashed
from maskstream_server.streaming.client_options import (
    check_resumed_prompts,
    check_resumed_rules,
    check_webhook,
    first_prompts,
)
from maskstream_server.streaming.model_calls import ask_model, check_prompts, session_options
from maskstream_server.streaming.ports import SessionPorts

FEATURES: Final = ("classes", "prompts", "late", "packets", "tickets", "events")
"""Additions of docs/protocol.md 10 that this server has."""


@dataclass(frozen=True)
class Opening:
    """All that a connection starts from.

    Attributes:
        welcome, reset: what the client is sent first; `reset` where its token was invalid.
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


async def open_session(service: SessionPorts, hello: Hello, address: str) -> Opening:
    """Take a session up, or begin a new one.

    Raises:
        WireError: the model is unknown, no codec is common, or the server is full, or has as many
            sessions of `address` as it takes.
        StoreError: the store cannot take or give a session now.
    """
    terms = agree(service, hello)
    check_webhook(hello, service.deliveries.channels.get("webhook"))
    if hello.resume is None:
        first_prompts(service.model.info, hello.prompts)  # before the session is created or resumed
    claim = read_token(hello.resume.token) if hello.resume else None
    service.connections.check_free(address, claim.session if claim else None)
    if not service.engine.ready:
        raise ServerFullError("The model is warming up.", retry_after_ms=RETRY_AFTER_MS)
    lost: ResetReason | None = None
    if hello.resume is not None:
        resumed = await _take_up(service, terms, claim, hello, hello.resume)
        if isinstance(resumed, Opening):
            return resumed
        lost = resumed
    return await _begin(service, terms, hello, lost, address)


def agree(service: SessionPorts, hello: Hello) -> Terms:
    """Return what `hello` and this server's settings amount to.

    Raises:
        ModelUnknownError: another model is asked for.
        CodecUnsupportedError: no codec is common.
    """
    settings, info = service.settings, service.model.info
    if hello.model not in (None, info.name):
        raise ModelUnknownError(f"This server has no model {hello.model!r}.")
    return Terms(
        policy=hello.policy,
        codecs=agreed_codecs(hello.codecs, settings.packets),
        credit=_credit(settings, info.lookahead or 0),
        max_frame_bytes=settings.max_frame_bytes,
        max_frame_pixels=settings.max_frame_pixels,
        messages_per_s=settings.max_messages_per_s,
        max_tracks=settings.max_tracks,
        takes_prompts=info.prompts != "never",
        lookahead=info.lookahead or 0,
    )


def _credit(settings: Settings, lookahead: int) -> CreditLimit:
    """Return the credit of the settings, or as much more as a late model needs to answer."""
    if lookahead == 0:
        return CreditLimit(settings.credit_frames, settings.credit_bytes)
    frames = lookahead + 2
    return CreditLimit(
        max(settings.credit_frames, frames),
        max(settings.credit_bytes, frames * settings.max_frame_bytes),
    )


async def _begin(
    service: SessionPorts, terms: Terms, hello: Hello, lost: ResetReason | None, address: str
) -> Opening:
    session = service.random_bytes(SESSION_BYTES).hex()
    prompts = await _begun(service, session, hello)
    service.connections.check_free(address)
    token = make_token(session, service.random_bytes(SECRET_BYTES))
    lease = await service.store.create(session, service.owner, hashed(token))
    info = service.model.info
    reported = labels_of(info, hello.classes)
    begun = SessionMemory(fingerprint=info.fingerprint, prompts=prompts, reported=reported)
    memory = _with_rules(begun, hello)
    reset = ResetNotice(memory.epoch, lost, memory.sequence + 1) if lost else None
    welcome = _welcome(service, terms, lease, token, memory, resumed=False)
    beginning = Beginning(memory, rules=_rules_of(service, memory))
    return Opening(welcome, reset, (), terms, beginning, lease, token)


async def _begun(service: SessionPorts, session: str, hello: Hello) -> SessionPrompts:
    """Return the prompts that a session begins with; BadHelloError where it cannot."""
    prompts = first_prompts(service.model.info, hello.prompts)
    try:
        await check_prompts(service, session, prompts)
    except BadMessageError as error:
        raise BadHelloError(error.message) from None
    return prompts


async def _take_up(
    service: SessionPorts, terms: Terms, claim: TokenClaim | None, hello: Hello, resume: Resume
) -> Opening | ResetReason:
    """Return the opening of a session that is resumed, or why it cannot be."""
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
    service.connections.evict(taken.lease)
    try:
        beginning = await _restore(service, hello, taken)
    except (BadHelloError, ServerFullError):
        await store.release(taken.lease)
        raise
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
    return Opening(
        welcome=_welcome(service, terms, taken.lease, token, beginning.memory, resumed=True),
        reset=None,
        repeated=tuple(mark_durable(item.message) for item in kept if item.sequence > seen),
        terms=terms,
        beginning=beginning,
        lease=taken.lease,
        token=token,
    )


async def _restore(
    service: SessionPorts, hello: Hello, taken: TakenOver
) -> Beginning | ResetReason:
    session, stored = taken.lease.session, taken.stored
    if stored is None:
        return "state_lost"
    model, fingerprint = service.model, service.model.info.fingerprint
    try:
        memory = read_memory(stored.epoch, stored.sequence, stored.parts, fingerprint)
        if memory.fingerprint != fingerprint:
            return "model_changed"
        memory = memory.reporting(labels_of(model.info, hello.classes))
        if not stored.parts:
            # Nothing was committed: the client sends its options again.
            prompts = await _begun(service, session, hello)
            memory = _with_rules(replace(memory, prompts=prompts), hello)
            return Beginning(memory, rules=_rules_of(service, memory))
        check_resumed_prompts(memory, hello.prompts)
        check_resumed_rules(memory, hello)
        rules = _rules_of(service, memory)
        if not memory.model_parts:
            return Beginning(memory, rules=rules)
        options = session_options(service, memory.prompts)
        read = partial(model.from_parts, memory.model_parts, options)
        state: Any = await ask_model(service, session, read)
    except (MemoryDamagedError, StateError) as error:
        structlog.get_logger(__name__).warning("stored_memory_unreadable", reason=str(error))
        return "state_lost"
    return Beginning(memory, state, model.committed(state), rules=rules)


def _with_rules(memory: SessionMemory, hello: Hello) -> SessionMemory:
    """Return the memory of a session that begins with the rules of a hello."""
    if not hello.rules:
        return memory
    return replace(memory, rules=hello.rules, fps=hello.fps, webhook=hello.webhook)


def _rules_of(service: SessionPorts, memory: SessionMemory) -> EventRules:
    """Bind the rules of a memory to the model.

    Raises:
        MemoryDamagedError: they do not fit, which was checked when it began.
    """
    try:
        return EventRules.of(memory.rules, service.model.info, fps=memory.fps)
    except ValueError as error:
        raise MemoryDamagedError(str(error)) from error


async def _give_up(service: SessionPorts, taken: TakenOver, reason: ResetReason) -> None:
    """Delete a memory that cannot be used any more."""
    log = structlog.get_logger(__name__)
    log.warning("session_given_up", session=taken.lease.session, reason=reason)
    await service.store.delete(taken.lease)


def _welcome(
    service: SessionPorts,
    terms: Terms,
    lease: Lease,
    token: str,
    memory: SessionMemory,
    resumed: bool,
) -> Welcome:
    settings = service.settings
    return Welcome(
        session=lease.session,
        epoch=memory.epoch,
        resumed=resumed,
        next_sequence=memory.sequence + 1,
        credit=FrameCredit(terms.credit.frames, terms.credit.num_bytes),
        heartbeat_ms=settings.heartbeat_ms,
        idle_ms=settings.idle_ms,
        resume_token=token,
        resume_ttl_ms=round(1000 * service.store.times.resume_ttl_s),
        model=model_info(service),
        limits=Limits(settings.max_frame_bytes, settings.max_frame_pixels, settings.max_tracks),
        features=tuple(each for each in FEATURES if settings.packets or each != "packets"),
        prompts=memory.prompts.notices(memory.classes) if terms.takes_prompts else None,
        codecs=tuple(codec.wire_name for codec in sorted(terms.codecs)),
    )


def model_info(service: SessionPorts) -> ModelInfo:
    """Return what clients see of the model that serves them."""
    info = service.model.info
    classes_url = f"{service.settings.root_path}/v1/models/{info.name}"
    return ModelInfo(info.name, info.task, info.fingerprint, classes_url, info.lookahead or 0)
