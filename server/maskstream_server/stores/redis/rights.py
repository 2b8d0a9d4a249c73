"""What a user of a Redis may not do, found out by trying each command once.

Asking for one's rights (`ACL`) is a right that few users have, and the error of a script does not
name the command; so each is tried alone, on keys of our own, which are deleted again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis
from redis import exceptions as errors

from maskstream_server.stores.redis.connection import connection_options, translated
from maskstream_server.stores.redis.needs import (
    SCRIPTING,
    Command,
    Need,
    queue_needs,
    session_needs,
    video_needs,
)

WITHIN_S: Final = 3.0
TWO_WORDS: Final = ("SCRIPT", "XGROUP")


@dataclass(frozen=True)
class Rights:
    """What a user may not do.

    Attributes:
        missing: commands, or keys and channels, without which nothing works.
        left_out: commands without which something is left out, with what that is.
    """

    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def read_rights(url: str, name: str, *, sessions: bool, queue: str | None) -> Rights:
    """Try what servers and workers do; blocking.

    Args:
        url: of the Redis.
        name: of the temporary key that is made for it.
        sessions: whether sessions live there.
        queue: name of the queue of videos, where they live there.

    Raises:
        ValueError: `url` is no address.
        StoreForbiddenError: the user is not let in at all.
        StoreUnreachableError: the store is away.
    """
    needs = [SCRIPTING]
    if sessions:
        needs += session_needs(name)
    if queue is not None:
        needs += video_needs(name) + queue_needs(queue, name)
    client = Redis.from_url(url, **connection_options(WITHIN_S))
    try:
        found = list(_refusals(client, needs))
    except (errors.RedisError, OSError) as error:
        raise translated(error) from error
    finally:
        client.close()
    return Rights(
        tuple(dict.fromkeys(what for need, what in found if not need.use)),
        tuple(dict.fromkeys(f"{what} ({need.use})" for need, what in found if need.use)),
    )


def _refusals(client: Redis, needs: Sequence[Need]) -> Iterator[tuple[Need, str]]:
    """Yield what is refused, with the need that it belongs to."""
    tried = [(need, command) for need in needs for command in need.commands]
    # What has subscribed may say nothing else any more.
    tried.sort(key=lambda each: "SUBSCRIBE" in each[1][0])
    pipeline: Any = client.pipeline(transaction=False)
    for _, command in tried:
        pipeline.execute_command(*command)
    # Other errors say that something cannot be done now, and so that it may be.
    for (need, command), answer in zip(tried, pipeline.execute(raise_on_error=False), strict=True):
        if isinstance(answer, errors.NoPermissionError):
            yield need, _refused(command, need.pattern, str(answer))


def _refused(command: Command, pattern: str, reason: str) -> str:
    """Return what is refused: the command, or what it is done to."""
    if "command" in reason:
        return " ".join(command[: 2 if command[0] in TWO_WORDS else 1])
    return f"{'channels' if 'channel' in reason else 'keys'} {pattern}"
