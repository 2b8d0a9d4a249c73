"""Which commands servers and workers use, on which keys: data for `rights.py`.

Those inside of scripts count too. Each is written such that it does no harm where it is allowed:
on keys of the name of a trial, or without effect.
"""

from dataclasses import dataclass
from typing import Final

from maskstream_server.stores.interface import Outbox
from maskstream_server.stores.redis.coding import keys_of, outbox_key

Command = tuple[str, ...]
SCRIPT, SCRIPT_SHA1 = "return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
LIFE_MS: Final = "10000"
"""So long lives what a trial that is cut off leaves."""


@dataclass(frozen=True)
class Need:
    """Commands that belong together.

    Attributes:
        pattern: of the keys and channels that they use.
        commands: with harmless arguments.
        use: what is left out without them; empty where nothing works without them.
    """

    pattern: str
    commands: tuple[Command, ...]
    use: str = ""


SCRIPTING: Final = Need(
    "",
    (
        ("PING",),
        ("SCRIPT", "LOAD", SCRIPT),
        ("SCRIPT", "EXISTS", SCRIPT_SHA1),
        ("EVALSHA", SCRIPT_SHA1, "0"),
        ("MULTI",),
        ("EXEC",),
    ),
)


def session_needs(name: str) -> list[Need]:
    """Return what a session of this name needs."""
    memory, lease, results = keys_of(name)
    pattern, outbox = "ms:*", outbox_key(Outbox(name, "webhook"))
    commands = (
        ("HSET", memory, "f", "1"),
        ("PEXPIRE", memory, LIFE_MS),
        ("EXISTS", memory),
        ("HEXISTS", memory, "f"),
        ("HGET", memory, "f"),
        ("HMGET", memory, "f"),
        ("HGETALL", memory),
        ("HKEYS", memory),
        ("HINCRBY", memory, "f", "1"),
        ("HDEL", memory, "f"),
        ("SET", lease, "1", "PX", LIFE_MS),
        ("GET", lease),
        ("XADD", results, "*", "f", "1"),
        ("PEXPIRE", results, LIFE_MS),
        ("XRANGE", results, "-", "+"),
        ("XTRIM", results, "MAXLEN", "0"),
        ("DEL", memory, lease, results),
    )
    return [
        Need(pattern, commands),
        Need(pattern, (("INFO", "memory"),), "its fill level is unknown"),
        Need(pattern, (("SCAN", "0"), ("PTTL", memory)), "sessions are not listed"),
        Need(
            pattern,
            (("RPUSH", outbox, "1"), ("LTRIM", outbox, "1", "0"), ("LINDEX", outbox, "0")),
            "events are not delivered by webhooks and MQTT",
        ),
        Need(
            pattern, (("PUBLISH", results, ""), ("SUBSCRIBE", results)), "sessions are not watched"
        ),
    ]


def video_needs(name: str) -> list[Need]:
    """Return what the record of a video of this name needs."""
    record, key, index = f"mv:{{{name}}}:v", f"mv:{{{name}}}:k", f"mv:{{{name}}}:i"
    commands = (
        ("HSET", record, "f", "1"),
        ("PEXPIRE", record, LIFE_MS),
        ("EXISTS", record),
        ("HGET", record, "f"),
        ("HMGET", record, "f"),
        ("HGETALL", record),
        ("HKEYS", record),
        ("HDEL", record, "f"),
        ("SET", key, "1", "NX", "PX", LIFE_MS),
        ("GET", key),
        ("ZADD", index, "0", "1"),
        ("PEXPIRE", index, LIFE_MS),
        ("ZREVRANGEBYLEX", "mv:index", "+", "-", "LIMIT", "0", "1"),
        ("ZREM", index, "1"),
        ("DEL", record, key, index),
    )
    return [Need("mv:*", commands)]


def queue_needs(queue: str, name: str) -> list[Need]:
    """Return what pydocket 0.27 needs for a queue."""
    prefix = f"{queue}:{name}"
    stream, ordered, members, fields, text = (f"{prefix}:{kind}" for kind in "xzsht")
    commands = (
        ("XGROUP", "CREATE", stream, "g", "$", "MKSTREAM"),
        ("XADD", stream, "*", "f", "1"),
        ("PEXPIRE", stream, LIFE_MS),
        ("XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", stream, ">"),
        ("XREAD", "COUNT", "1", "STREAMS", stream, "0"),
        ("XLEN", stream),
        ("XRANGE", stream, "-", "+"),
        ("XPENDING", stream, "g"),
        ("XCLAIM", stream, "g", "c", "0", "0-1"),
        ("XAUTOCLAIM", stream, "g", "c", "0", "0-0"),
        ("XACK", stream, "g", "0-1"),
        ("XDEL", stream, "0-1"),
        ("ZADD", ordered, "0", "1"),
        ("EXPIRE", ordered, "10"),
        ("ZCARD", ordered),
        ("ZCOUNT", ordered, "0", "1"),
        ("ZRANGE", ordered, "0", "-1"),
        ("ZRANGEBYSCORE", ordered, "0", "1"),
        ("ZSCORE", ordered, "1"),
        ("ZREM", ordered, "1"),
        ("ZREMRANGEBYSCORE", ordered, "0", "1"),
        ("SADD", members, "1"),
        ("EXPIRE", members, "10"),
        ("SMEMBERS", members),
        ("HSET", fields, "f", "1"),
        ("EXPIRE", fields, "10"),
        ("HGET", fields, "f"),
        ("HGETALL", fields),
        ("HEXISTS", fields, "f"),
        ("HINCRBY", fields, "f", "1"),
        ("HDEL", fields, "f"),
        ("SET", text, "1", "NX", "PX", LIFE_MS),
        ("GET", text),
        ("EXISTS", text),
        ("DEL", stream, ordered, members, fields, text),
        ("PUBLISH", f"{queue}:cancel:{name}", ""),
    )
    # A pattern is only allowed where the very same one is.
    cancels = f"{queue}:cancel:*"
    return [Need(f"{queue}:*", commands), Need(cancels, (("PSUBSCRIBE", cancels),))]
