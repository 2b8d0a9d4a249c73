"""Whether this machine's worker gives signs of life; for healthchecks, so without a model."""

import asyncio
import socket

from maskstream_server.errors import StartError
from maskstream_server.jobs.queue import DocketQueue

ANSWER_S = 10.0


def check_worker(store: str, host: str | None = None) -> None:
    """Ask the store for a worker on `host`, by default this machine.

    Raises:
        StartError: it has not been heard of of late, or the store cannot be asked.
    """
    host = host or socket.gethostname()
    try:
        heard = asyncio.run(_hears_of(store, host))
    except Exception as error:
        # Whatever a client of Redis raises: the worker cannot get at its videos either.
        raise StartError(f"The store cannot be asked for workers: {error!r}.") from error
    if not heard:
        raise StartError(f"No worker on {host} has given a sign of life of late.")


async def _hears_of(store: str, host: str) -> bool:
    queue = DocketQueue(store)
    try:
        async with asyncio.timeout(ANSWER_S):
            return await queue.hears_of(host)
    finally:
        await queue.close()
