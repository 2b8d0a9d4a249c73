"""A real MQTT broker, mosquitto, on a free port; and one who listens to it by MQTT 5.

The binary is the one on PATH or in /usr/sbin, where Debian's package puts it.
"""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from support.redis_server import free_port

SOON_S = 60.0
CONNECT = bytes([0x10, 13]) + b"\x00\x04MQTT" + bytes([5, 2, 0, 60, 0, 0, 0])
"""By MQTT 5, as a new client without a name and a password."""


def mosquitto() -> str:
    """The broker's binary; tests without it are skipped."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which("mosquitto", path=path)
    if found is None:
        pytest.skip("there is no mosquitto: apt-get install mosquitto")
    return found


class MqttBroker:
    """A broker process."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = free_port()
        self._binary = mosquitto()
        self._process: subprocess.Popen[bytes] | None = None
        self._config = folder / "mosquitto.conf"
        allowed = lines or ("allow_anonymous true",)
        text = [f"listener {self.port} 127.0.0.1", "persistence false", "user root", *allowed]
        self._config.write_text("\n".join(text) + "\n")

    def start(self) -> None:
        log = (self._config.parent / "mosquitto.log").open("ab")
        with log:
            command = [self._binary, "-c", str(self._config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + SOON_S
        while not self._answers():
            assert self._process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(SOON_S)
            self._process = None

    def reload(self) -> None:
        """Let it read its files of rights again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def welcome_bytes(self) -> int:
        """How long its answer to a connection is, which comes before that to a message."""
        with socket.create_connection(("127.0.0.1", self.port), SOON_S) as client:
            client.sendall(CONNECT)
            _, length = client.recv(2)
        return 2 + length

    def _answers(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def mqtt_broker(folder: Path, *lines: str) -> Iterator[MqttBroker]:
    """Run one; `lines` of its configuration say who may do what, by default everybody all."""
    broker = MqttBroker(folder, *lines)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@dataclass
class Listener:
    """What was published, in order."""

    messages: list[MQTTMessage] = field(default_factory=list)

    def wait(self, count: int) -> list[MQTTMessage]:
        until = time.monotonic() + SOON_S
        while len(self.messages) < count:
            assert time.monotonic() < until, f"{len(self.messages)} of {count} have come"
            time.sleep(0.02)
        return self.messages


@contextmanager
def listening(broker: MqttBroker, topic: str = "#", user: str | None = None) -> Iterator[Listener]:
    """Subscribe, before anything is published."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    if user is not None:
        client.username_pw_set(user, user)
    listener, subscribed = Listener(), threading.Event()
    client.on_message = lambda client, data, message: listener.messages.append(message)
    client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        assert subscribed.wait(SOON_S)
        yield listener
    finally:
        client.disconnect()
        client.loop_stop()
