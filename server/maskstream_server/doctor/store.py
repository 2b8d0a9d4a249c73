"""The session store: whether it is there, keeps what it is given, and agrees about the time."""

import asyncio
import os
from collections.abc import Sequence

from maskstream_server.doctor.finding import Finding
from maskstream_server.errors import StoreError
from maskstream_server.jobs.queue import NAME
from maskstream_server.stores.interface import FULL_FRACTION, Commit, CommitOutcome
from maskstream_server.stores.redis import RedisStore
from maskstream_server.stores.redis.facts import RedisFacts, read_facts
from maskstream_server.stores.redis.rights import Rights, read_rights

OLDEST = (6, 2)
TESTED = (7, 0)
SKEW_S = 1.0
SLOW_S = 0.01


def check_store(url: str, videos: bool = True, sessions: bool = True) -> Sequence[Finding]:
    """Check the store that the setting names.

    Args:
        url: the setting.
        videos: whether records of whole videos and their queue are kept there too.
        sessions: whether sessions are, as servers do; workers have none.
    """
    if url == "memory":
        text = "in this process: sessions end with it, and no other server can resume them"
        return [
            Finding("store", "ok", text),
            Finding("clock", "ok", "no other to agree with"),
        ]
    trial = f"doctor-{os.urandom(6).hex()}"
    try:
        facts = read_facts(url)
    except ValueError as error:
        return [Finding("store", "failed", f"no address of a Redis: {error}", "Correct --store.")]
    except StoreError as error:
        advice = "Start it, or correct --store (host, port, password); look at its own log."
        return [Finding("store", "failed", f"does not answer: {error}", advice)]
    rights = read_rights(url, trial, sessions=sessions, queue=NAME if videos else None)
    return [
        judge_server(facts),
        judge_rights(rights),
        judge_memory(facts),
        judge_persistence(facts),
        *([asyncio.run(_try_writing(url))] if sessions else []),
        judge_clock(facts),
    ]


def judge_server(facts: RedisFacts) -> Finding:
    """Judge version, role and speed."""
    text = f"{facts.product} {facts.version_text}, ping {1000 * facts.ping_s:.1f} ms"
    if facts.version < OLDEST:
        return Finding("store", "failed", text, "Use Redis 7 or Valkey (at least 6.2).")
    if facts.role != "master":
        advice = "Name the primary in --store: nothing can be written to a replica."
        return Finding("store", "failed", f"{text}, it is a {facts.role}", advice)
    if facts.version < TESTED:
        return Finding("store", "warning", text, "Use Redis 7 or Valkey, which is what is tested.")
    if facts.ping_s > SLOW_S:
        return Finding("store", "warning", text, "Resumes will be slow: bring the store nearer.")
    return Finding("store", "ok", text)


def judge_rights(rights: Rights) -> Finding:
    """Judge what the store's user may not do."""
    name, advice = "store rights", "Give them (docs/deployment.md lists all): ACL SETUSER."
    if rights.missing:
        return Finding(name, "failed", f"missing: {', '.join(rights.missing)}", advice)
    if rights.left_out:
        return Finding(name, "warning", f"missing: {', '.join(rights.left_out)}", advice)
    return Finding(name, "ok", "its user may do all that is needed")


def judge_memory(facts: RedisFacts) -> Finding:
    """Judge whether the store would rather forget sessions than refuse new ones."""
    bound = f"of {facts.max_bytes} bytes" if facts.max_bytes else "bytes, without a bound"
    text = f"{facts.policy}, {facts.used_bytes} {bound} in use"
    name = "store memory"
    if facts.policy is None or facts.used_bytes is None:
        advice = "INFO is not allowed here: make sure of maxmemory and maxmemory-policy noeviction."
        return Finding(name, "warning", "bound and policy unknown", advice)
    if facts.policy != "noeviction":
        advice = "It throws live sessions away when full: CONFIG SET maxmemory-policy noeviction."
        return Finding(name, "failed", text, advice)
    if facts.max_bytes is None:
        advice = "Give it one, so that new sessions are refused in time: CONFIG SET maxmemory 1gb."
        return Finding(name, "warning", text, advice)
    if facts.used_bytes >= FULL_FRACTION * facts.max_bytes:
        advice = f"Above {FULL_FRACTION:.0%} no new sessions are taken: raise maxmemory."
        return Finding(name, "failed", text, advice)
    return Finding(name, "ok", text)


def judge_persistence(facts: RedisFacts) -> Finding:
    """Judge what a restart of the store would lose."""
    name = "store persistence"
    if facts.append_only is None:
        advice = "INFO is not allowed here: make sure that appendonly is `yes`."
        return Finding(name, "warning", "unknown whether there is an append-only file", advice)
    if not facts.append_only:
        advice = "A restart of the store loses all sessions: CONFIG SET appendonly yes."
        return Finding(name, "warning", "no append-only file", advice)
    if facts.fsync is None:
        advice = "CONFIG GET is not allowed here: make sure that appendfsync is `always`."
        return Finding(name, "warning", "append-only file, appendfsync unknown", advice)
    text = f"append-only file, appendfsync {facts.fsync}"
    if facts.fsync == "always":
        return Finding(name, "ok", text)
    advice = "A crash of its machine can lose a second of each session: `always` loses nothing."
    if facts.fsync == "no":
        advice = "A crash of its machine can lose half a minute of each session: use `always`."
    return Finding(name, "warning", text, advice)


def judge_clock(facts: RedisFacts) -> Finding:
    """Judge how far the store's clock is from ours."""
    if facts.skew_s is None:
        advice = "TIME is not allowed here: let both machines use NTP."
        return Finding("clock", "warning", "not compared with the store's", advice)
    text = f"{abs(facts.skew_s):.3f} s {'ahead of' if facts.skew_s > 0 else 'behind'} the store's"
    if abs(facts.skew_s) <= SKEW_S:
        return Finding("clock", "ok", text)
    advice = "Leases are not harmed, but times of logs and videos are: let both machines use NTP."
    return Finding("clock", "warning", text, advice)


async def _try_writing(url: str) -> Finding:
    """Begin, commit and delete a session, as a server does."""
    name = "store writing"
    store = RedisStore(url)
    try:
        lease = await store.create(f"doctor-{os.urandom(6).hex()}", "doctor", "none")
        outcome = await store.commit(Commit(lease, 0, 1, 1, {"session": bytes(65536)}))
        await store.delete(lease)
    except StoreError as error:
        advice = "Look at the store's disk, memory limit and the rights (ACL) of its user."
        return Finding(name, "failed", f"a session cannot be kept: {error}", advice)
    finally:
        await store.close()
    if outcome is not CommitOutcome.COMMITTED:
        return Finding(name, "failed", f"a commit was answered {outcome.value}", "Report this.")
    return Finding(name, "ok", "a session can be begun, committed and deleted")
