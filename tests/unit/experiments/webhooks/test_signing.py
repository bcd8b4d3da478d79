"""The signatures and secrets of webhooks."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from services.experiments.webhooks import signing
from services.experiments.webhooks.secret_box import SecretBox, UnreadableSecret

# The test vector of Standard Webhooks.
KEY = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_signature_equals_the_test_vector_of_the_standard() -> None:
    assert signing.sign(KEY, MESSAGE_ID, TIMESTAMP, BODY) == SIGNATURE
    at = datetime.fromtimestamp(TIMESTAMP + 0.9, UTC)
    assert signing.headers([KEY], MESSAGE_ID, at, BODY) == {
        "webhook-id": MESSAGE_ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_a_new_secret_is_32_bytes_in_the_form_that_receivers_configure() -> None:
    secret = signing.new_secret()
    text = signing.encoded(secret)
    assert text.startswith("whsec_")
    assert base64.b64decode(text.removeprefix("whsec_"), validate=True) == secret
    assert len(secret) == 32
    assert signing.new_secret() != secret


def test_both_secrets_verify_while_they_overlap() -> None:
    new, old, other = signing.new_secret(), signing.new_secret(), signing.new_secret()
    headers = dict(signing.headers([new, old], "msg_1", datetime.now(UTC), BODY))
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (new, old):
        assert Webhook(signing.encoded(secret)).verify(BODY, headers) == {"test": 2432232314}
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(signing.encoded(other)).verify(BODY, headers)


def test_a_secret_can_be_decrypted_only_for_its_endpoint_and_installation() -> None:
    box = SecretBox("the installation's secret")
    sealed = box.seal(b"s" * 32, "whe_a")
    assert b"s" * 8 not in sealed
    assert sealed != box.seal(b"s" * 32, "whe_a")
    assert box.open(sealed, "whe_a") == SecretBox("the installation's secret").open(sealed, "whe_a") == b"s" * 32
    broken = [
        (box, sealed, "whe_b"),
        (SecretBox("another installation's"), sealed, "whe_a"),
        (box, sealed[:-1] + bytes([sealed[-1] ^ 1]), "whe_a"),
        (box, b"", "whe_a"),
    ]
    for opener, bytes_, endpoint in broken:
        with pytest.raises(UnreadableSecret):
            opener.open(bytes_, endpoint)
