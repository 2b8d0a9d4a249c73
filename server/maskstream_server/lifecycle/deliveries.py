"""Builds the ways for events of sessions from settings."""

from maskstream_server.config.settings import Settings
from maskstream_server.delivery.channels import DeliveryChannel, WebhookChannel
from maskstream_server.lifecycle.videos import webhook_rules
from maskstream_server.outbound.signature import secret_key
from maskstream_server.stores.interface import Channel


def build_channels(settings: Settings) -> dict[Channel, DeliveryChannel]:
    """Return what the operator has set up."""
    channels: dict[Channel, DeliveryChannel] = {}
    if settings.webhook_secret is not None:
        key = secret_key(settings.webhook_secret.get_secret_value())
        channels["webhook"] = WebhookChannel(webhook_rules(settings), key)
    return channels
