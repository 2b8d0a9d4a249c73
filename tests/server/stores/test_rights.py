"""What a user of a real Redis may not do is found out before it is needed."""

import re
from collections.abc import Iterator
from pathlib import Path

import docket
import pytest

from maskstream_server.errors import StoreForbiddenError, StoreUnreachableError
from maskstream_server.jobs.queue import NAME
from maskstream_server.jobs.records import redis_store
from maskstream_server.stores.redis import scripts
from maskstream_server.stores.redis.needs import (
    SCRIPTING,
    queue_needs,
    session_needs,
    video_needs,
)
from maskstream_server.stores.redis.rights import Rights, read_rights
from support.redis_server import RedisServer, free_port, running_redis
from support.redis_user import documented_rights, url_of_user

NEEDS = [SCRIPTING, *session_needs("t"), *video_needs("t"), *queue_needs(NAME, "t")]
NEEDED = sorted({command[0] for need in NEEDS if not need.use for command in need.commands})
LEFT_OUT = sorted({command[0] for need in NEEDS if need.use for command in need.commands})
ASKED = re.compile(r"redis\.p?call\(['\"](\w+)['\"]")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


def rights(url: str) -> Rights:
    return read_rights(url, "trial", sessions=True, queue=NAME)


def test_the_documented_rights_are_enough_and_the_trial_leaves_nothing(server: RedisServer):
    assert rights(url_of_user(server, *documented_rights())) == Rights()
    with server.client() as client:
        assert list(client.scan_iter()) == []


@pytest.mark.parametrize("command", [each for each in NEEDED if each not in ("EXEC", "PING")])
def test_each_command_that_is_needed_is_missed(server: RedisServer, command: str):
    found = rights(url_of_user(server, *documented_rights(), f"-{command}"))
    assert {what.split()[0] for what in found.missing} == {command}


@pytest.mark.parametrize("command", LEFT_OUT)
def test_what_is_left_out_for_want_of_a_command_is_said(server: RedisServer, command: str):
    found = rights(url_of_user(server, *documented_rights(), f"-{command}"))
    (said,) = found.left_out
    assert re.match(rf"{command} \(.*( not | no |unknown|nobody )", said)
    # The queue of videos publishes too.
    assert found.missing == (("PUBLISH",) if command == "PUBLISH" else ())


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        (("resetkeys", "~ms:*"), {"keys mv:*", f"keys {NAME}:*"}),
        (("resetkeys", "~mv:*", f"~{NAME}:*"), {"keys ms:*"}),
        (("resetchannels", "&ms:*", f"&{NAME}:*"), {f"channels {NAME}:cancel:*"}),
    ],
)
def test_keys_and_channels_are_missed_too(server: RedisServer, rules, missing):
    found = rights(url_of_user(server, *documented_rights(), *rules))
    assert set(found.missing) == missing


def test_sessions_and_videos_are_asked_for_apart(server: RedisServer):
    no_videos = url_of_user(server, *documented_rights(), "resetkeys", "~ms:*")
    assert read_rights(no_videos, "trial", sessions=True, queue=None) == Rights()
    no_sessions = url_of_user(server, *documented_rights(), "resetkeys", "~mv:*", f"~{NAME}:*")
    assert read_rights(no_sessions, "trial", sessions=False, queue=NAME) == Rights()


def test_a_user_who_is_not_let_in_is_distinguished_from_a_store_that_is_away(server: RedisServer):
    with pytest.raises(StoreForbiddenError):
        rights(url_of_user(server, "off"))
    with pytest.raises(StoreUnreachableError) as caught:
        rights(f"redis://127.0.0.1:{free_port()}")
    assert not isinstance(caught.value, StoreForbiddenError)


def test_no_command_of_a_script_is_forgotten():
    texts = [*vars(scripts).values(), *vars(redis_store).values()]
    ours = "".join(text for text in texts if isinstance(text, str))
    known = {command[0] for need in NEEDS for command in need.commands}
    assert len(set(ASKED.findall(ours))) > 10
    assert set(ASKED.findall(ours)) <= known
    for path in Path(docket.__file__).parent.rglob("*"):
        if path.suffix in (".py", ".lua"):
            asked = {word.upper() for word in ASKED.findall(path.read_text())}
            assert asked <= known, path.name
