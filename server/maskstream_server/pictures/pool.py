"""A few warm decoding processes, each with a thread that waits for it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from queue import Empty, SimpleQueue
from typing import Final

import structlog

from maskstream_model.aliases import Frame
from maskstream_protocol.frames import FrameCodec
from maskstream_server.errors import StartError
from maskstream_server.pictures.limits import PictureLimits
from maskstream_server.pictures.worker import Death, PictureWorker, WorkerDiedError

COST_WEIGHT: Final = 10.0
RETRY_S: Final = 5.0
"""After so long a process that could not be started is tried again."""


@dataclass
class Sender:
    """Whose pictures are decoded.

    Attributes:
        cost_s: what they take of late.
    """

    cost_s: float = 0.0


class PicturePool:
    """Decodes pictures in processes, those first that have waited longest.

    A picture goes behind others as if it had come later, by `COST_WEIGHT` times what its sender's
    pictures take: clients with slow ones do not delay those with quick ones. `died` is called on
    the thread of a process that a picture has ended.
    """

    def __init__(
        self,
        limits: PictureLimits,
        size: int,
        died: Callable[[Death], None],
        clock: Callable[[], float],
    ) -> None:
        self.limits = limits
        self.workers = [PictureWorker(limits, clock) for _ in range(size)]
        self._died = died
        self._clock = clock
        self._threads = ThreadPoolExecutor(size, "pictures")
        self._idle: SimpleQueue[PictureWorker] = SimpleQueue()
        for worker in self.workers:
            self._idle.put(worker)
        self._lock = threading.Lock()
        self._waiting: list[_Wanted] = []
        self._arrivals = count()
        self._num_wanted = 0
        self._progress_s = 0.0
        self._closed = False

    async def start(self) -> None:
        """Start all processes.

        Raises:
            StartError: there is none; where there are some, the others are tried again later.
        """
        loop = asyncio.get_running_loop()
        starts = [loop.run_in_executor(self._threads, self._revive, loop) for _ in self.workers]
        await asyncio.gather(*starts)
        if self.num_alive == 0:
            raise StartError("No process to decode pictures can be started; the log says why.")

    async def decode(self, codec: FrameCodec, payload: bytes | memoryview, sender: Sender) -> Frame:
        """Decode one picture; cancelling only drops it.

        Raises:
            TooLargeError: more pixels than the limits.
            UndecodableError: broken, over another limit, or the end of its process.
            OSError: no process can be started.
        """
        loop = asyncio.get_running_loop()
        now_s = self._clock()
        rank = now_s + COST_WEIGHT * sender.cost_s, next(self._arrivals)
        wanted = _Wanted(rank, loop.create_future(), sender, codec, payload)
        with self._lock:
            if self._num_wanted == 0:
                self._progress_s = now_s
            self._num_wanted += 1
            heappush(self._waiting, wanted)
        self._threads.submit(self._serve, loop)
        return await wanted.future

    @property
    def num_alive(self) -> int:
        """Processes that there are now."""
        return sum(worker.pid is not None for worker in self.workers)

    @property
    def num_wanted(self) -> int:
        """Pictures that are being decoded, or wait for it."""
        return self._num_wanted

    def stalled_for_s(self) -> float:
        """Seconds for which pictures have been wanted and none has been finished."""
        with self._lock:
            return max(0.0, self._clock() - self._progress_s) if self._num_wanted else 0.0

    def close(self) -> None:
        """End all processes; what waits is dropped."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self.workers:
            worker.kill()
        self._close_idle()

    def _close_idle(self) -> None:
        """Leave nothing behind of those that no thread uses; a thread that ends does it again."""
        for _ in self.workers:
            with suppress(Empty):
                worker = self._idle.get_nowait()
                worker.close()
                self._idle.put(worker)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Be the thread of one picture: its caller continues before a dead process is replaced."""
        worker = self._idle.get()
        with self._lock:
            wanted = heappop(self._waiting)
        outcome: Frame | Exception | None = None
        if not wanted.future.cancelled() and not self._closed:
            outcome = self._outcome(worker, wanted)
        with self._lock:
            self._num_wanted -= 1
            self._progress_s = self._clock()
        with suppress(RuntimeError):  # The loop is closed: no caller waits any more.
            loop.call_soon_threadsafe(_settle, wanted.future, outcome)
        if isinstance(outcome, WorkerDiedError) and not self._closed:
            self._died(outcome.cause)
            structlog.get_logger(__name__).warning("decoder_died", cause=outcome.cause)
        self._give_back(worker, loop)

    def _outcome(self, worker: PictureWorker, wanted: "_Wanted") -> Frame | Exception:
        began_s = self._clock()
        try:
            if worker.pid is None:
                worker.start()
            return worker.decode(wanted.codec, wanted.payload)
        except Exception as error:
            return error
        finally:
            sender = wanted.sender
            sender.cost_s = (sender.cost_s + self._clock() - began_s) / 2

    def _revive(self, loop: asyncio.AbstractEventLoop) -> None:
        """Be the thread of one process that may have to be started."""
        self._give_back(self._idle.get(), loop)

    def _give_back(self, worker: PictureWorker, loop: asyncio.AbstractEventLoop) -> None:
        """Let a worker decode the next picture; a dead one gets a new process first."""
        try:
            if worker.pid is None and not self._closed:
                worker.start()
        except OSError as error:
            structlog.get_logger(__name__).error("decoder_not_started", reason=str(error))
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.call_later, RETRY_S, self._try_again, loop)
        self._idle.put(worker)
        if self._closed:
            self._close_idle()

    def _try_again(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._closed:
            self._threads.submit(self._revive, loop)


@dataclass(order=True)
class _Wanted:
    """A picture that waits; its rank decides when its turn is."""

    rank: tuple[float, int]
    future: "asyncio.Future[Frame]" = field(compare=False)
    sender: Sender = field(compare=False)
    codec: FrameCodec = field(compare=False)
    payload: bytes | memoryview = field(compare=False)


def _settle(future: "asyncio.Future[Frame]", outcome: Frame | Exception | None) -> None:
    """Give a future its picture or error, unless its caller has gone."""
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    elif outcome is not None:
        future.set_result(outcome)
