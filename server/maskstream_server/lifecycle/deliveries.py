"""Builds the ways for events of sessions from settings."""

from maskstream_server.config.settings import Settings
from maskstream_server.delivery.channels import DeliveryChannel, WebhookChannel
from maskstream_server.errors import StartError
from maskstream_server.lifecycle.videos import webhook_rules
from maskstream_server.outbound.broker import read_broker
from maskstream_server.outbound.signature import secret_key
from maskstream_server.stores.interface import Channel


def build_channels(settings: Settings) -> dict[Channel, DeliveryChannel]:
    """Return what the operator has set up.

    Raises:
        StartError: MQTT is set up, and not installed.
    """
    channels: dict[Channel, DeliveryChannel] = {}
    if settings.webhook_secret is not None:
        key = secret_key(settings.webhook_secret.get_secret_value())
        channels["webhook"] = WebhookChannel(webhook_rules(settings), key)
    if settings.mqtt is not None:
        channels["mqtt"] = _mqtt(settings.mqtt.get_secret_value())
    return channels


def _mqtt(address: str) -> DeliveryChannel:
    try:
        from maskstream_server.delivery.mqtt import MqttChannel
    except ModuleNotFoundError:
        sentence = "MASKSTREAM_MQTT needs paho-mqtt: pip install 'maskstream[mqtt]'."
        raise StartError(sentence) from None
    return MqttChannel(read_broker(address))
