"""The client for asyncio: frames in, results out, over a connection that reconnects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Self

from numpy.typing import NDArray

from maskstream_client.addresses import Addresses
from maskstream_client.connection import Connection
from maskstream_client.errors import ConnectionFailedError, UnreadResultsError
from maskstream_client.events import Event, PromptsChanged
from maskstream_client.inbox import Inbox
from maskstream_client.keys import bearer, cleaned
from maskstream_client.model_card import ClassInfo, fetch_card
from maskstream_client.outbox import Request
from maskstream_client.pictures import PacketCodec, Picture, Pixels, encode_picture
from maskstream_client.reordering import ReorderBuffer
from maskstream_client.result import Result
from maskstream_client.session import ClientSession
from maskstream_client.sources import AsyncSource, open_frames_async
from maskstream_client.stream_options import StreamOptions
from maskstream_client.unit_stream import encode_for, encoder_of
from maskstream_client.watching import Watch
from maskstream_protocol import messages
from maskstream_protocol.frames import UNKNOWN_TIME
from maskstream_protocol.notices import ModelInfo, PromptInfo

if TYPE_CHECKING:
    from maskstream_client.videos import AsyncVideos

_CLOSE_TIMEOUT_S: Final = 10.0


class AsyncClient:
    """One stream. Use it as a context manager, or call `open` and `close`.

    Args:
        url: of the server; several that share a store, separated by commas: where one is lost,
            the session continues on the next.
        options: what to ask of it.
        api_key: sent as a bearer token.
        on_event: called at resets, lost connections, drops and refusals; None logs them.

    Attributes:
        model: that serves the stream; None before it is open.
        show_min: the score from which its tracks are worth drawing, once the stream is open.
    """

    def __init__(
        self,
        url: str,
        options: StreamOptions | None = None,
        *,
        api_key: str | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._addresses = Addresses(url)
        self.options = options or StreamOptions()
        self._api_key = cleaned(api_key)
        self._inbox = Inbox(on_event)
        self._session = ClientSession(self.options)
        self._connection = Connection(
            self._addresses, self._session, self._receive_event, bearer(api_key), self.options.retry
        )
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._flush_ids = count(1)
        self.model: ModelInfo | None = None
        self.show_min = 0.0

    @property
    def url(self) -> str:
        """The address of the server that has the stream, or is tried now."""
        return self._addresses.current

    @property
    def classes(self) -> dict[int, ClassInfo]:
        """The model's classes by id, known once the stream is open."""
        return self._inbox.classes

    @property
    def prompts(self) -> tuple[PromptInfo, ...]:
        """What is segmented, with class ids and tracks as of the latest change; empty without."""
        return self._inbox.prompts

    @property
    def videos(self) -> AsyncVideos:
        """The whole videos of the same server, whether the stream is open or not."""
        # httpx takes long to import, and those who stream do not need it.
        from maskstream_client.videos import AsyncVideos

        return AsyncVideos(self.url, api_key=self._api_key, retry=self.options.retry)

    @property
    def session(self) -> str | None:
        """The session's name, by which others watch it; None before the first welcome."""
        return self._session.name

    @property
    def resume_token(self) -> str | None:
        """What another client needs to continue this session after `detach`."""
        return self._session.resume_token

    async def open(self) -> None:
        """Connect.

        Raises:
            ConnectionFailedError: no server answers there.
            WireError: it refuses the stream.
        """
        self._task = asyncio.create_task(self._connection.run())
        self._task.add_done_callback(lambda _: self._changed.set())
        await self._until(lambda: self._session.welcome is not None)
        if (welcome := self._session.welcome) is not None:
            self.model = welcome.model
            with suppress(ConnectionFailedError):
                place = self._addresses.current, welcome.model.classes_url
                card = await asyncio.to_thread(fetch_card, *place, self._api_key)
                self._inbox.classes = card.classes | self._inbox.classes
                self.show_min = card.show_min

    async def send(
        self, frame: NDArray[Any], *, pts_s: float | None = None, last: bool = False
    ) -> int:
        """Send an RGB array (H, W, 3) of uint8 as soon as the credit allows it.

        Returns:
            The frame's index among all that were sent, from 0; its result carries it.
        """
        picture = await asyncio.to_thread(
            encode_picture, frame, self.options.picture, self.options.quality
        )
        return await self.send_picture(picture, pts_s=pts_s, last=last)

    async def send_picture(
        self, picture: Picture, *, pts_s: float | None = None, last: bool = False
    ) -> int:
        """Send a picture that is encoded; see `send`."""
        if self._inbox.is_full:
            raise UnreadResultsError("Too many results wait to be read: read them while sending.")
        pts_us = UNKNOWN_TIME if pts_s is None else round(pts_s * 1e6)
        await self._until(lambda: self._session.has_room(picture))
        index = self._session.push(picture, pts_us, last=last)
        self._inbox.expect(index, (picture.height, picture.width), time.perf_counter(), pts_us)
        await self._connection.send_out()
        return index

    def receive_nowait(self) -> Result | None:
        """The next answer if there is one; a dropped frame's has a `drop_reason`."""
        return self._inbox.take()

    async def receive(self, *, wait: bool = False) -> Result | None:
        """Wait for the next answer; None when there is none to come.

        A model with a lookahead answers a frame only once further ones were sent, or after `flush`.

        Args:
            wait: also for frames that another task has yet to send; None when the client closes.
        """
        await self._until(lambda: not self._inbox.is_empty or self._is_idle(wait))
        return self._inbox.take()

    async def results(self) -> AsyncGenerator[Result, None]:
        """The results of all frames sent so far, in order, without those dropped."""
        await self._flush_late_model()
        while (result := await self.receive()) is not None:
            if result.drop_reason is None:
                yield result

    async def stream(
        self, source: AsyncSource, *, every_frame: bool = False, codec: PacketCodec | None = None
    ) -> AsyncGenerator[tuple[Pixels, Result], None]:
        """Send the frames of a file, camera, URL or iterable; yields each with its result.

        Args:
            source: see `open_reader`; or RGB arrays, which may come asynchronously.
            every_frame: dropped frames too, with an empty result that has a `drop_reason`.
            codec: send units of this video codec, much smaller than pictures (`encoder_of`).

        Raises:
            CodecUnsupportedError: the server does not take this codec.
            ValueError: it cannot be encoded here, or not in this size.
        """
        newest = self.options.policy == "latest"
        pairing = ReorderBuffer(every_frame=every_frame)
        opened = open_frames_async(source, newest=newest, units=None if newest else codec)
        encoding = encoder_of(codec, self.options, self._session, time.monotonic)
        async with encoding as encode, aclosing(opened) as frames:
            async for frame in frames:
                picture = await encode_for(self._session, frame, encode, self._until)
                pairing.sent(await self.send_picture(picture, pts_s=frame.pts_s), frame.pixels)
                while (result := self.receive_nowait()) is not None:
                    for pair in pairing.answered(result):
                        yield pair
        await self._flush_late_model()
        while (result := await self.receive()) is not None:
            for pair in pairing.answered(result):
                yield pair

    def watch(
        self,
        session: str,
        *,
        on_event: Callable[[Event], None] | None = None,
        every_frame: bool = False,
    ) -> AsyncGenerator[Result, None]:
        """The results of another client's session on the same servers; see `Watch`."""
        key, retry = self._api_key, self.options.retry
        viewer = Watch(self._addresses.all, session, api_key=key, on_event=on_event, retry=retry)
        return viewer.results(every_frame=every_frame)

    async def set_prompts(self, prompts: Sequence[str]) -> PromptsChanged:
        """Segment what these texts refer to, from the next frame on.

        Returns:
            From which sequence results follow them, and the class id of each.

        Raises:
            MaskstreamError: the model takes no prompts.
            WireError: the server does not take these; it keeps those that it had.
            ValueError: there are none or too many, or one is empty or too long.
        """
        await self._request(self._session.prompts_request(prompts))
        if (changed := self._inbox.answer_to_prompts()) is None:
            raise self._failure()
        return changed

    async def flush(self) -> None:
        """Wait until every frame so far is answered and its memory durable."""
        await self._request(messages.Flush(next(self._flush_ids)))

    async def reset(self) -> None:
        """Forget all tracks; identities start over with the next frame."""
        await self._request(messages.Reset())

    async def close(self) -> None:
        """End the session: what is left is answered, its memory is deleted."""
        self._closing = True
        if self._task is not None and not self._task.done():
            await self._connection.send_bye()
            await asyncio.wait([self._task], timeout=_CLOSE_TIMEOUT_S)
        await self.detach()

    async def detach(self) -> None:
        """Leave the session as it is, to be resumed with `resume_token`."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            with suppress(BaseException):
                await self._task

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def _is_idle(self, wait: bool) -> bool:
        """Whether no answer is to come: to frames sent, or with `wait` until the stream closed."""
        closed = self._closing and self._task is not None and self._task.done()
        return closed or (not wait and not self._session.expects_answer)

    async def _flush_late_model(self) -> None:
        """Have the frames answered for which a late model would wait for further ones."""
        if self._session.is_late and self._session.num_in_flight:
            self._session.request(messages.Flush(next(self._flush_ids)))
            await self._connection.send_out()

    async def _request(self, message: Request) -> None:
        """Send a request and wait for its answer."""
        self._session.request(message)
        await self._connection.send_out()
        await self._until(lambda: not self._session.awaits(type(message)))

    def _receive_event(self, event: Event | None) -> None:
        if event is not None:
            self._inbox.put(event, time.perf_counter())
        self._changed.set()

    async def _until(self, ready: Callable[[], bool]) -> None:
        """Wait for a condition; raises what ended the stream where it never comes."""
        while not ready():
            if self._task is None or self._task.done():
                raise self._failure()
            self._changed.clear()
            await self._changed.wait()

    def _failure(self) -> BaseException:
        error = None
        if self._task is not None and not self._task.cancelled():
            error = self._task.exception()
        return error or ConnectionFailedError("The stream is closed.")
