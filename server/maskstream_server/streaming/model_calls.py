"""What connections and routes ask of the model beside its steps, on the engine's thread."""

from collections.abc import Callable
from typing import TypeVar

from maskstream_model.errors import PromptError
from maskstream_model.port import SessionOptions
from maskstream_protocol.errors import BadMessageError, ServerFullError
from maskstream_server.errors import RETRY_AFTER_MS, EngineFullError, EngineStoppedError
from maskstream_server.session.prompts import SessionPrompts
from maskstream_server.streaming.ports import SessionPorts

Value = TypeVar("Value")


async def ask_model(service: SessionPorts, session: str, call: Callable[[], Value]) -> Value:
    """Return what a call gives that lets the model compute.

    Raises:
        ServerFullError: the engine takes nothing now.
        MaskstreamModelError: the model refuses.
    """
    try:
        return await service.engine.call(session, call)
    except (EngineFullError, EngineStoppedError):
        text = "The model takes nothing just now; try again."
        raise ServerFullError(text, retry_after_ms=RETRY_AFTER_MS) from None


async def check_prompts(service: SessionPorts, session: str, prompts: SessionPrompts) -> None:
    """Ask the model whether it takes prompts; none at all need no answer.

    Raises:
        BadMessageError: it refuses them.
        ServerFullError: the engine takes nothing now.
    """
    model, options = service.model, session_options(service, prompts)
    if not options.prompts:
        return
    try:
        await ask_model(service, session, lambda: model.begin(options))
    except PromptError as error:
        name = model.info.name
        raise BadMessageError(f"The model {name} refuses the prompts: {error}.") from None


def session_options(service: SessionPorts, prompts: SessionPrompts) -> SessionOptions:
    """Return what a session's memory begins with, or is read with."""
    return SessionOptions(prompts.for_model(), service.settings.max_tracks)
