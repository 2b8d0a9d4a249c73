"""Signatures of webhooks."""

import base64

import pytest

from maskstream_server.outbound.signature import secret_key, signed_headers


def test_the_signature_is_that_of_the_standard():
    # The example of the specification's libraries.
    key = secret_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(
        key, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1614265330.9
    )
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_%%%", "whsec_" + base64.b64encode(b"x" * 23).decode(), "x" * 40],
)
def test_secrets_that_are_too_short_or_of_another_form_are_none(secret):
    with pytest.raises(ValueError, match="must be whsec_ and base64"):
        secret_key(secret)
