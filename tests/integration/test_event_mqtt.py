"""Events of sessions at a real MQTT broker: in order, at least once, also where it was away."""

import json
import subprocess

import pytest

from maskstream_server.delivery import sender
from support.cutting_proxy import Cut, cutting_proxy
from support.mqtt_broker import listening, mqtt_broker
from support.raw_client import RawClient, raw_client
from support.server import running_server
from support.stand_ins import colored_frames, stand_in

RULES = [{"name": "seen", "on": "emerged"}, {"name": "gone", "on": "disappeared"}]
FRAMES = colored_frames(16)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(sender, "PAUSES_S", (0.05,))
    monkeypatch.setattr(sender, "TEND_S", 0.2)


async def send(client: RawClient, first: int, last: int) -> list[str]:
    """Send frames; returns the topics and ids of their events as they are published."""
    found, session = [], client.welcome["session"]
    for number in range(first, last + 1):
        events = (await client.answer(FRAMES[number - 1])).events
        found += [(f"{session}/{each['rule']}", f"{session}.{each['id']}") for each in events]
    return found


async def test_events_are_published_in_order(tmp_path):
    with mqtt_broker(tmp_path) as broker, listening(broker) as listener:
        address = f"mqtt://127.0.0.1:{broker.port}/street/cameras"
        with running_server(stand_in(), mqtt=address) as live:
            async with raw_client(live.ws_url) as client:
                await client.hello(rules=RULES)
                expected = await send(client, 1, len(FRAMES))
                await client.say(type="bye")
                messages = listener.wait(len(expected))
    topics = [(message.topic, json.loads(message.payload)["id"]) for message in messages]
    assert topics == [(f"street/cameras/{topic}", name) for topic, name in expected]
    assert {message.qos for message in messages} == {1}
    assert messages[0].properties.ContentType == "application/json"
    assert messages[0].properties.UserProperty == [("id", expected[0][1])]
    assert json.loads(messages[0].payload)["event"]["type"] == "emerged"


async def test_a_broker_that_is_away_gets_all_later_and_what_it_did_not_confirm_again(tmp_path):
    with (
        mqtt_broker(tmp_path) as broker,
        listening(broker) as listener,
        cutting_proxy(f"http://127.0.0.1:{broker.port}") as way,
    ):
        way.away = True
        with running_server(stand_in(), mqtt=way.url.replace("http", "mqtt")) as live:
            async with raw_client(live.ws_url) as client:
                await client.hello(rules=RULES)
                expected = [name for _, name in await send(client, 1, len(FRAMES))]
                await client.flush()  # results do not wait for the broker
                assert listener.messages == []
                way.cuts = [Cut(), Cut(down=broker.welcome_bytes() + 2)]
                way.away = False
                messages = listener.wait(len(expected) + 1)
    found = [json.loads(message.payload)["id"] for message in messages]
    assert found == [*expected[:2], *expected[1:]]


async def test_a_broker_that_refuses_loses_nothing(tmp_path):
    passwords, rights = tmp_path / "passwords", tmp_path / "rights"
    for user in ("writer", "reader"):
        options = ["-b"] if passwords.exists() else ["-c", "-b"]
        subprocess.run(["mosquitto_passwd", *options, passwords, user, user], check=True)
    rights.write_text("user reader\ntopic read #\n")
    lines = ("allow_anonymous false", f"password_file {passwords}", f"acl_file {rights}")
    with mqtt_broker(tmp_path, *lines) as broker, listening(broker, user="reader") as listener:
        address = f"mqtt://writer:writer@127.0.0.1:{broker.port}"
        with running_server(stand_in(), mqtt=address) as live:
            async with raw_client(live.ws_url) as client:
                await client.hello(rules=RULES)
                expected = [name for _, name in await send(client, 1, len(FRAMES))]
                await client.flush()
                rights.write_text("user reader\ntopic read #\nuser writer\ntopic write #\n")
                broker.reload()
                messages = listener.wait(len(expected))
    assert [json.loads(message.payload)["id"] for message in messages] == expected
