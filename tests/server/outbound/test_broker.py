"""The address of an MQTT broker."""

import pytest

from maskstream_server.outbound.broker import Broker, read_broker


@pytest.mark.parametrize(
    ("address", "broker"),
    [
        ("mqtt://a.example", Broker("a.example", 1883)),
        ("mqtts://a.example", Broker("a.example", 8883, secure=True)),
        ("mqtt://[::1]:7/", Broker("::1", 7)),
        ("mqtt://u:p%40ss@a:1/b/c/", Broker("a", 1, user="u", password="p@ss", prefix="b/c")),
    ],
)
def test_an_address_says_where_and_as_whom(address, broker):
    assert read_broker(address) == broker


def test_a_password_is_not_shown():
    assert "secret" not in repr(read_broker("mqtt://u:secret@a"))


@pytest.mark.parametrize(
    "address", ["", "a:1883", "mqtt://", "mqtt://a:x", "redis://a", "mqtt://a/+"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match=r"must be mqtt://|has a prefix"):
        read_broker(address)
