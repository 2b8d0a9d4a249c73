"""The client for programs without asyncio: the same stream, run by a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

from numpy.typing import NDArray

from maskstream_client.async_client import AsyncClient
from maskstream_client.events import Event, PromptsChanged
from maskstream_client.loop_thread import LoopThread, iterate_blocking
from maskstream_client.model_card import ClassInfo
from maskstream_client.pictures import PacketCodec, Picture, Pixels, encode_picture
from maskstream_client.result import Result
from maskstream_client.sources import Source
from maskstream_client.stream_options import StreamOptions
from maskstream_protocol.notices import ModelInfo, PromptInfo

if TYPE_CHECKING:
    from maskstream_client.videos import Videos

T = TypeVar("T")


class Client:
    """One stream. Its methods block; `AsyncClient` says what each does.

    Args:
        url: of the server, or of several, separated by commas.
        options: what to ask of it.
        api_key: sent as a bearer token.
        on_event: called at resets, lost connections, drops and refusals, in the client's thread;
            without it they are logged.

    Raises:
        ConnectionFailedError: no server answers there.
        WireError: it refuses the stream.
    """

    def __init__(
        self,
        url: str,
        options: StreamOptions | None = None,
        *,
        api_key: str | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.options = options or StreamOptions()
        self._api_key = api_key
        self._client = AsyncClient(url, self.options, api_key=api_key, on_event=on_event)
        self._loop = LoopThread()
        try:
            self._call(self._client.open())
        except BaseException:
            self._loop.stop()
            raise

    @property
    def classes(self) -> dict[int, ClassInfo]:
        """The model's classes by id."""
        return self._client.classes

    @property
    def prompts(self) -> tuple[PromptInfo, ...]:
        """What is segmented, with class ids and tracks as of the latest change; empty without."""
        return self._client.prompts

    @property
    def show_min(self) -> float:
        """The score from which the model's tracks are worth drawing."""
        return self._client.show_min

    @property
    def videos(self) -> Videos:
        """The whole videos of the same server; `Videos` alone needs no stream."""
        from maskstream_client.videos import Videos

        return Videos(self._client.url, api_key=self._api_key, retry=self.options.retry)

    @property
    def model(self) -> ModelInfo:
        """The model that serves the stream."""
        assert self._client.model is not None  # it is open
        return self._client.model

    @property
    def url(self) -> str:
        """The address of the server that has the stream, or is tried now."""
        return self._client.url

    @property
    def session(self) -> str | None:
        """The session's name, by which others can watch it."""
        return self._client.session

    @property
    def resume_token(self) -> str | None:
        """What another client needs to continue this session after `detach`."""
        return self._client.resume_token

    def send(self, frame: NDArray[Any], *, pts_s: float | None = None, last: bool = False) -> int:
        """Send an RGB array (H, W, 3) of uint8; returns the frame's index, from 0."""
        picture = encode_picture(frame, self.options.picture, self.options.quality)
        return self.send_picture(picture, pts_s=pts_s, last=last)

    def send_picture(
        self, picture: Picture, *, pts_s: float | None = None, last: bool = False
    ) -> int:
        """Send a picture that is encoded already."""
        return self._call(self._client.send_picture(picture, pts_s=pts_s, last=last))

    def receive(self, *, wait: bool = False) -> Result | None:
        """Wait for the next answer; None when no frame waits for one (see `AsyncClient`)."""
        return self._client.receive_nowait() or self._call(self._client.receive(wait=wait))

    def results(self) -> Iterator[Result]:
        """The results of all frames sent so far, in order, without those that were dropped."""
        return self._loop.iterate(self._client.results())

    def stream(
        self, source: Source, *, every_frame: bool = False, codec: PacketCodec | None = None
    ) -> Generator[tuple[Pixels, Result], None, None]:
        """Send the frames of a file, camera, URL or iterable; yields each with its result."""
        pairs = self._client.stream(source, every_frame=every_frame, codec=codec)
        return self._loop.iterate(pairs)

    def watch(
        self,
        session: str,
        *,
        on_event: Callable[[Event], None] | None = None,
        every_frame: bool = False,
    ) -> Iterator[Result]:
        """The results of another client's session on the same servers; see `Watch`."""
        return iterate_blocking(
            lambda: self._client.watch(session, on_event=on_event, every_frame=every_frame)
        )

    def set_prompts(self, prompts: Sequence[str]) -> PromptsChanged:
        """Segment what these texts refer to, from the next frame on (see `AsyncClient`)."""
        return self._call(self._client.set_prompts(prompts))

    def flush(self) -> None:
        """Wait until every frame so far is answered and its memory durable."""
        self._call(self._client.flush())

    def reset(self) -> None:
        """Forget all tracks; identities start over with the next frame."""
        self._call(self._client.reset())

    def close(self) -> None:
        """End the session: what is left is answered, its memory is deleted."""
        if self._loop.is_running:
            self._call(self._client.close())
            self._loop.stop()

    def detach(self) -> None:
        """Leave the session as it is, to be resumed with `resume_token`."""
        if self._loop.is_running:
            self._call(self._client.detach())
            self._loop.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.call(work)
