"""A small server for tests of the client's shells: it speaks the protocol and segments nothing.

Every frame has one object, a square, whose class says how many frames the session has seen: so a
lost or repeated frame shows. Each connection may follow a script that ends it early.
"""

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from client.server_side import EMERGED, TRACKED, result, square, welcome
from maskstream_protocol import SUBPROTOCOL, messages, notices
from maskstream_protocol.errors import BadMessageError, ServerFullError, WireError
from maskstream_protocol.frames import decode_frame
from maskstream_protocol.messages import parse_client_message

CLASSES = [
    {"id": 0, "name": "person", "color": "#ff0000", "thing": True},
    {"id": 1, "name": "animal", "color": "#00ff00", "thing": True},
]
SHOW_MIN = 0.5


@dataclass
class Script:
    """What happens to one connection.

    Attributes:
        close_after: frames answered before it is closed; None never.
        code: of that close; None cuts the line without one.
        forget: memory is gone when this connection begins.
        refuse: an error in place of the welcome.
        drop: sequences that get no result.
        freeze_after: frames answered before it falls silent, its socket left open.
    """

    close_after: int | None = None
    code: int | None = None
    forget: bool = False
    refuse: WireError | None = None
    drop: tuple[int, ...] = ()
    freeze_after: int | None = None


@dataclass
class FakeServer:
    """The session and what was said to it."""

    scripts: list[Script] = field(default_factory=list)
    lookahead: int = 0
    prompts: tuple[str, ...] | None = None
    committed: int = 0
    epoch: int = 1
    hellos: list[messages.Hello] = field(default_factory=list)
    headers: list[str | None] = field(default_factory=list)
    payload_sizes: list[int] = field(default_factory=list)
    ended: bool = False
    port: int = 0

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    async def connection(self, socket):
        script = self.scripts.pop(0) if self.scripts else Script()
        try:
            await self._converse(socket, script)
        except ConnectionClosed:
            return

    async def _converse(self, socket, script):
        self.headers.append(socket.request.headers.get("Authorization"))
        hello = parse_client_message(await socket.recv())
        self.hellos.append(hello)
        self.pending, self.provisional = [], hello.provisional
        if script.refuse is not None:
            return await self._refuse(socket, script.refuse)
        if script.forget:
            self.committed = 0
        resumed = hello.resume is not None and not script.forget
        answer = welcome(
            resumed=resumed,
            epoch=self.epoch,
            next_sequence=self.committed + 1,
            token=f"token{len(self.hellos)}",
        )
        answer = replace(
            answer,
            model=replace(answer.model, lookahead=self.lookahead),
            prompts=self._prompt_infos(),
        )
        await socket.send(answer.to_json())
        if hello.resume is not None and not resumed:
            await socket.send(notices.ResetNotice(self.epoch, "expired", 1).to_json())
        await self._serve_frames(socket, script)

    def _prompt_infos(self):
        if self.prompts is None:
            return None
        return tuple(notices.PromptInfo(text, 10 + i, ()) for i, text in enumerate(self.prompts))

    async def _refuse(self, socket, error):
        await socket.send(notices.ErrorMessage.of(error).to_json())
        await socket.close(error.close_code)

    async def _serve_frames(self, socket, script):
        num_answered = 0
        async for message in socket:
            if isinstance(message, str):
                if await self._control(socket, parse_client_message(message)):
                    return
                continue
            await self._take(socket, decode_frame(message), len(message), script)
            num_answered += 1
            if num_answered == script.freeze_after:
                socket.transport.pause_reading()
            if num_answered == script.close_after:
                if script.code is None:
                    socket.transport.abort()
                else:
                    await socket.close(script.code)
                return

    async def _take(self, socket, frame, num_bytes, script):
        """Answer the frame that the lookahead is full for."""
        if self.provisional:
            found = result(frame.sequence, epoch=self.epoch, size=(frame.height, frame.width))
            await socket.send(replace(found, provisional=True).encode())
        self.pending.append((frame, num_bytes, script))
        if len(self.pending) > self.lookahead:
            await self._answer(socket, *self.pending.pop(0))

    async def _answer(self, socket, frame, num_bytes, script):
        assert frame.sequence == self.committed + 1
        assert frame.epoch == self.epoch
        self.payload_sizes.append(len(frame.payload))
        self.committed = frame.sequence
        if frame.sequence in script.drop:
            await socket.send(notices.Drop(frame.sequence, frame.sequence, "undecodable").to_json())
        else:
            status = EMERGED if frame.sequence == 1 else TRACKED
            size = (frame.height, frame.width)
            found = result(
                frame.sequence,
                pts_us=frame.pts_us,
                epoch=self.epoch,
                objects=[(7, frame.sequence, status)],
                masks=square(1, 1, 4, 3, size),
            )
            await socket.send(found.encode())
        await socket.send(notices.Credit(1, num_bytes, self.committed).to_json())

    async def _control(self, socket, message):
        match message:
            case messages.Bye():
                await self._flush(socket)
                self.ended = True
                await socket.close(1000)
                return True
            case messages.Prompts(prompts) if self.prompts is not None:
                await self._change_prompts(socket, prompts)
            case messages.Flush(flush_id):
                await self._flush(socket)
                await socket.send(notices.Flushed(flush_id, self.committed).to_json())
            case messages.Reset():
                self.epoch += 1
                reset = notices.ResetNotice(self.epoch, "client", self.committed + 1)
                await socket.send(reset.to_json())
        return False

    async def _flush(self, socket):
        while self.pending:
            await self._answer(socket, *self.pending.pop(0))

    async def _change_prompts(self, socket, prompts):
        if "nonsense" in prompts:
            error = BadMessageError("The prompt 'nonsense' means nothing.")
            await socket.send(notices.ErrorMessage.of(error).to_json())
            return
        self.prompts = prompts
        following = self.committed + len(self.pending) + 1
        await socket.send(notices.Prompted(following, self._prompt_infos()).to_json())


def rest(connection, request):
    """The route of the model's classes."""
    if request.path == "/v1/models/demo":
        card = {"name": "demo", "classes": CLASSES, "show_min": SHOW_MIN}
        return connection.respond(200, json.dumps(card))
    return None


@asynccontextmanager
async def serving(*scripts, **model):
    """A running server, its connections one after the other following the scripts."""
    server = FakeServer(list(scripts), **model)
    async with serve(
        server.connection,
        "127.0.0.1",
        0,
        subprotocols=[SUBPROTOCOL],
        close_timeout=1.0,  # one that has fallen silent hears no close
        compression=None,
        process_request=rest,
    ) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


FULL = ServerFullError("No free slot.", retry_after_ms=1)


class ThreadedServer:
    """The same for blocking tests: it runs in a thread of its own."""

    def __init__(self, *scripts, **model):
        self._scripts, self._model = scripts, model

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._context = serving(*self._scripts, **self._model)
        return self._run(self._context.__aenter__())

    def __exit__(self, *exc):
        self._run(self._context.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
