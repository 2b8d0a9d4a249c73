"""What a `hello` asks of the model and its results, and whether it can have that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from maskstream_model.port import ModelInfo
from maskstream_protocol.errors import BadHelloError
from maskstream_protocol.masks import needs_logits
from maskstream_protocol.messages import Hello
from maskstream_protocol.records import Task
from maskstream_server.delivery.channels import DeliveryChannel, WebhookChannel
from maskstream_server.errors import AddressRefusedError
from maskstream_server.events.rules import EventRules
from maskstream_server.session.memory import SessionMemory
from maskstream_server.session.prompts import SessionPrompts
from maskstream_server.session.reporting import ResultOptions
from maskstream_server.streaming.encode import ResultFormat


@dataclass(frozen=True)
class ClientOptions:
    """The options of a client for its results."""

    form: ResultFormat
    wanted: ResultOptions

    @classmethod
    def of(cls, hello: Hello, info: ModelInfo) -> "ClientOptions":
        """Return them, with the model's own values where the client had none.

        Raises:
            BadHelloError: the model has no such classes, or lacks what is asked for.
        """
        if info.lookahead is None:
            raise BadHelloError(
                f"The model {info.name} answers when a video ends: upload whole videos."
            )
        if hello.provisional and not info.lookahead:
            raise BadHelloError(f"The model {info.name} answers at once: nothing is provisional.")
        try:
            EventRules.of(hello.rules, info, hello.classes)
            wanted = ResultOptions.of(
                info,
                hello.min_score,
                hello.classes,
                mask_scale=None if hello.masks == "none" else hello.mask_scale,
                with_logits=needs_logits(hello.masks),
                provisional=hello.provisional,
            )
        except ValueError as error:
            raise BadHelloError(str(error)) from None
        task = Task.INSTANCES if info.task == "referring" else Task[info.task.upper()]
        return cls(ResultFormat(hello.masks, hello.mask_scale, task), wanted)

    def with_masks(self) -> "ClientOptions":
        """Return them for rules that look at masks, though the client may want none sent."""
        return replace(self, wanted=replace(self.wanted, mask_scale=self.form.mask_scale))


def first_prompts(info: ModelInfo, prompts: Sequence[str] | None) -> SessionPrompts:
    """Return the prompts with which a session begins; the model has yet to say if it takes them.

    Raises:
        BadHelloError: the model takes none, or needs some.
    """
    if prompts is None:
        if info.prompts == "required":
            raise BadHelloError(f"The model {info.name} needs prompts: say what to segment.")
        return SessionPrompts()
    if info.prompts == "never":
        raise BadHelloError(f"The model {info.name} takes no prompts.")
    return SessionPrompts().replaced(prompts)


def check_resumed_prompts(memory: SessionMemory, prompts: tuple[str, ...] | None) -> None:
    """Check prompts beside a resume token.

    Raises:
        BadHelloError: they are not those of the session.
    """
    if prompts is not None and prompts != memory.prompts.asked:
        raise BadHelloError("The session has other prompts: leave them out, or resume without.")


def check_webhook(hello: Hello, channel: DeliveryChannel | None) -> None:
    """Check the address that events are to be sent to.

    Raises:
        BadHelloError: there are no events, or the operator does not let them go there.
    """
    if hello.webhook is None:
        return
    if not hello.rules and hello.resume is None:
        raise BadHelloError("A webhook needs rules: without them there is nothing to send.")
    if not isinstance(channel, WebhookChannel):
        raise BadHelloError(
            "This server sends no webhooks: its operator has set no MASKSTREAM_WEBHOOK_SECRET."
        )
    try:
        channel.rules.check(hello.webhook)
    except AddressRefusedError as error:
        raise BadHelloError(str(error)) from None


def check_resumed_rules(memory: SessionMemory, hello: Hello) -> None:
    """Check rules and the address of their events beside a resume token.

    Raises:
        BadHelloError: they are not those of the session.
    """
    if hello.rules is not None and hello.rules != memory.rules:
        raise BadHelloError("The session has other rules: leave them out, or resume without.")
    if hello.webhook not in (None, memory.webhook):
        raise BadHelloError("The session has another webhook: leave it out, or resume without.")
