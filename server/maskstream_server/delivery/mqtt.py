"""Events by MQTT 5: each is published with quality of service 1, over a connection of its own."""

import asyncio
import json
from queue import Empty, SimpleQueue
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from maskstream_server.delivery.channels import read_message
from maskstream_server.outbound.broker import Broker

ATTEMPT_S: Final = 10.0
"""What a broker may take for each answer."""
AT_LEAST_ONCE: Final = 1


class MqttChannel:
    """Publishes events at the topic `PREFIX/SESSION/RULE`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def send(self, body: bytes) -> str | None:
        """See `DeliveryChannel.send`."""
        _, message = read_message(body)
        return await asyncio.to_thread(publish, self._broker, message)


def publish(broker: Broker, message: dict[str, Any]) -> str | None:
    """Publish a message; return why the broker has not taken it, None where it has. Blocks."""
    topic = f"{broker.prefix}/{message['session']}/{message['event']['rule']}"
    payload = json.dumps(message).encode()
    answers: SimpleQueue[str | None] = SimpleQueue()

    def connected(
        client: Client, data: Any, flags: ConnectFlags, reason: ReasonCode, _: Properties | None
    ) -> None:
        if reason.is_failure:
            answers.put(f"The broker refuses the connection: {reason}.")
        else:
            client.publish(topic, payload, AT_LEAST_ONCE, properties=_properties(message["id"]))

    def published(
        client: Client, data: Any, number: int, reason: ReasonCode, _: Properties | None
    ) -> None:
        answers.put(f"The broker refuses the message: {reason}." if reason.is_failure else None)

    client = _client(broker)
    client.on_connect, client.on_publish = connected, published
    try:
        client.connect(broker.host, broker.port)
        client.loop_start()
        return answers.get(timeout=ATTEMPT_S)
    except OSError:
        return f"The broker {broker.host}:{broker.port} cannot be reached."
    except Empty:
        return "The broker does not answer in time."
    finally:
        client.disconnect()
        client.loop_stop()


def _client(broker: Broker) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5, reconnect_on_failure=False)
    client.connect_timeout = ATTEMPT_S
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.password)
    if broker.secure:
        client.tls_set()
    return client


def _properties(name: str) -> Properties:
    """Return what tells a receiver the form of the message, and its id."""
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/json"
    properties.UserProperty = ("id", name)
    return properties
