"""The session core in JavaScript behind the methods of Python's."""

import base64
from collections.abc import Iterator

from maskstream_client import events
from maskstream_client.events import Event
from maskstream_client.outbox import Request
from maskstream_client.pictures import Picture
from maskstream_client.session import ClientSession
from maskstream_client.stream_options import StreamOptions
from maskstream_protocol.errors import error_class
from maskstream_protocol.results import decode_result
from support.javascript import Bridge, base64_of


class JavaScriptSession(ClientSession):
    """What a simulated stream needs of a `ClientSession`; there is one at a time."""

    def __init__(self, core: Bridge, options: StreamOptions, max_kept_bytes: int) -> None:
        super().__init__(options)
        self._core = core
        settings = {"policy": options.policy, "maxInFlight": options.max_in_flight}
        core.call("begin", options=settings, maxKeptBytes=max_kept_bytes)

    @property
    def num_in_flight(self) -> int:
        return self._core.call("state")["numInFlight"]

    def push(self, picture: Picture, pts_us: int = -1, *, last: bool = False) -> int:
        frame = {
            "codec": picture.codec.wire_name,
            "payload": base64_of(picture.payload),
            "ptsUs": pts_us,
            "width": picture.width,
            "height": picture.height,
            "orientation": 0,
            "last": last,
        }
        return self._core.call("push", frame=frame)

    def request(self, message: Request) -> None:
        flush_id = {"id": message.id} if message.type == "flush" else {}
        self._core.call("request", request={"type": message.type, **flush_id})

    def connection_opened(self) -> None:
        self._core.call("opened")

    def connection_lost(self) -> None:
        self._core.call("lost")

    def outgoing(self) -> Iterator[str | bytes]:
        for each in self._core.call("outgoing"):
            yield each["text"] if "text" in each else base64.b64decode(each["bytes"])

    def receive(self, message: str | bytes) -> list[Event]:
        is_text = isinstance(message, str)
        said = {"text": message} if is_text else {"bytes": base64_of(message)}
        came = self._core.call("receive", **said)
        self.name = self._core.call("state")["name"]
        return [event for each in came if (event := _event(each, message)) is not None]


def _event(event: dict, message: str | bytes) -> Event | None:
    match event["type"]:
        case "answered":
            assert isinstance(message, bytes)
            return events.Answered(event["frameIndex"], decode_result(message))
        case "drop":
            return events.Dropped(event["frameIndex"], event["reason"])
        case "flushed":
            return events.FlushDone(event["id"])
        case "refused":
            return events.Refused(error_class(event["code"])(""), event["fatal"])
    return None
