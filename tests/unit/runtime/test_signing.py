"""Signatures and tokens: they need the secret, are valid for one purpose, and have one form."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.signing import MAX_TOKEN_CHARACTERS, SIGNATURE_CHARACTERS, TokenSigner, derived_key

SIGNER = TokenSigner("a secret", "tests")
BASE_64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_a_key_is_the_hmac_of_its_purpose() -> None:
    key = derived_key("a secret", "tests")
    assert key == hmac.digest(b"a secret", b"tests", sha256)
    assert key == derived_key(b"a secret", "tests")
    assert len({key, derived_key("a secret", "other"), derived_key("another", "tests")}) == 3


def test_a_signature_is_an_hmac_with_the_key_of_its_purpose() -> None:
    signature = hmac.digest(derived_key("a secret", "tests"), b"content", sha256)
    assert SIGNER.signature(b"content") == signature.hex()[:32]
    assert SIGNER.token(b"content") == "Y29udGVudA" + urlsafe_b64encode(signature[:24]).decode()
    assert SIGNER.is_signed(b"content", SIGNER.signature(b"content"))
    for content in (b"", b"contents", b"Content"):
        assert not SIGNER.is_signed(content, SIGNER.signature(b"content"))


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_a_token_returns_its_content_and_is_always_the_same(content: bytes, context: bytes) -> None:
    token = SIGNER.token(content, context)
    assert token == TokenSigner("a secret", "tests").token(content, context)
    assert SIGNER.content(token, context) == content
    assert set(token) <= set(BASE_64)


@pytest.mark.parametrize("other", [TokenSigner("another", "tests"), TokenSigner("a secret", "another")])
def test_a_token_is_valid_for_one_secret_and_one_purpose(other: TokenSigner) -> None:
    assert SIGNER.content(other.token(b"content")) is None
    assert not SIGNER.is_signed(b"content", other.signature(b"content"))


def test_a_token_is_valid_for_one_context() -> None:
    token = SIGNER.token(b"content", b"one")
    for context in (b"", b"other", b"one\0", b"on"):
        assert SIGNER.content(token, context) is None
    assert SIGNER.content(SIGNER.token(b"content"), b"one") is None
    assert SIGNER.token(b"e\0content", b"on") != token


@pytest.mark.parametrize("content", [b"", b"a", b"ab", b"abc", bytes(range(20))], ids=len)
def test_a_token_has_only_one_form(content: bytes) -> None:
    token = SIGNER.token(content)
    assert SIGNER.content(token) == content
    for position, character in enumerate(token):
        for other in BASE_64 + "=+/\n é.":
            if other != character:
                assert SIGNER.content(token[:position] + other + token[position + 1 :]) is None, (position, other)
    for added in ("A", "=", "==", "\n", " ", "\0", "é"):
        assert SIGNER.content(token + added) is None
        assert SIGNER.content(added + token) is None
    for length in range(len(token)):
        assert SIGNER.content(token[:length]) is None


def test_a_signature_has_only_one_form() -> None:
    signature = SIGNER.signature(b"content")
    for other in (signature + "=", signature[:-1], signature.upper(), " " + signature, "é" * 32, ""):
        assert not SIGNER.is_signed(b"content", other)


def test_a_token_above_the_maximum_length_is_refused() -> None:
    longest = SIGNER.token(bytes((MAX_TOKEN_CHARACTERS - SIGNATURE_CHARACTERS) * 3 // 4))
    assert len(longest) == MAX_TOKEN_CHARACTERS
    assert SIGNER.content(longest) is not None
    assert SIGNER.content(SIGNER.token(bytes(MAX_TOKEN_CHARACTERS))) is None
