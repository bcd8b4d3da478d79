"""The form of API keys, and the errors that their checksum detects."""

import random
import re
import zlib

import pytest

from services.auth import domain
from services.auth.domain import hash_key, is_well_formed, new_key, shown_prefix

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_a_key_has_a_fixed_start_43_random_digits_and_a_checksum_of_6() -> None:
    key = new_key()
    assert re.fullmatch(r"kc_[0-9A-Za-z]{49}", key)
    assert is_well_formed(key)
    number = 0
    for digit in key[-6:]:
        number = number * 62 + ALPHABET.index(digit)
    assert number == zlib.crc32(key[:-6].encode())


def test_keys_differ() -> None:
    assert len({new_key() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("random_bytes", [bytes(32), b"\xff" * 32], ids=["lowest", "highest"])
def test_any_32_bytes_make_a_valid_key(monkeypatch: pytest.MonkeyPatch, random_bytes: bytes) -> None:
    monkeypatch.setattr("services.auth.domain.secrets.token_bytes", lambda _: random_bytes)
    key = new_key()
    assert len(key) == 52
    assert is_well_formed(key)


def test_a_single_changed_character_is_detected() -> None:
    key = new_key()
    for position in range(len(key)):
        for other in ALPHABET + "_-é":
            if other != key[position]:
                assert not is_well_formed(key[:position] + other + key[position + 1 :]), (position, other)


def test_two_swapped_characters_are_detected() -> None:
    for _ in range(20):
        key = new_key()
        for i in range(len(key) - 1):
            if key[i] != key[i + 1]:
                assert not is_well_formed(key[:i] + key[i + 1] + key[i] + key[i + 2 :]), i


@pytest.mark.parametrize(
    "change", [lambda k: "", lambda k: k[:-1], lambda k: k + "0", lambda k: k + " ", str.lower, str.swapcase]
)
def test_a_shortened_or_changed_key_is_detected(change: object) -> None:
    key = new_key()
    assert not is_well_formed(change(key))  # type: ignore[operator]


def test_a_key_of_another_product_is_malformed() -> None:
    body = "gh_" + "".join(random.choices(ALPHABET, k=43))
    assert not is_well_formed(body + domain._base62(zlib.crc32(body.encode()), 6))


def test_the_stored_hash_of_a_key_is_its_sha_256() -> None:
    assert hash_key("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_shown_prefix_of_a_key_has_8_of_its_digits() -> None:
    assert shown_prefix("kc_0123456789abcdef") == "kc_01234567"
