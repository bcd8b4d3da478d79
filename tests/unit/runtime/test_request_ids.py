"""Request ids and fingerprints: when two requests are the same."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.message import Message
from voicearena.auth.v1 import auth_service_pb2 as pb
from voicearena.elo.v1 import elo_service_pb2

from services.runtime.errors import RequestIdReused
from services.runtime.request_ids import EarlierRequest, current_fingerprint, has_request_id, remembering, set_request

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_request_afterwards() -> Iterator[None]:
    yield
    set_request(None)


def fingerprint(message: Message) -> bytes | None:
    set_request(message)
    return current_fingerprint()


def test_the_request_id_is_no_part_of_the_fingerprint() -> None:
    first = fingerprint(pb.CreateApiKeyRequest(name="laptop", request_id="1"))
    assert first == fingerprint(pb.CreateApiKeyRequest(name="laptop", request_id="2"))
    assert first is not None
    assert len(first) == 32


@pytest.mark.parametrize(
    "other",
    [
        pb.CreateApiKeyRequest(name="Laptop", request_id="1"),
        pb.CreateApiKeyRequest(name="laptop", scopes=["speech"], request_id="1"),
        pb.RotateApiKeyRequest(id="laptop", request_id="1"),
        elo_service_pb2.CreateVoiceModelRequest(name="laptop", request_id="1"),
    ],
)
def test_a_different_request_has_a_different_fingerprint(other: Message) -> None:
    assert fingerprint(other) != fingerprint(pb.CreateApiKeyRequest(name="laptop", request_id="1"))


def test_a_default_value_that_is_set_differs_from_an_absent_one() -> None:
    absent = pb.RotateApiKeyRequest(id="key", request_id="1")
    given = pb.RotateApiKeyRequest(id="key", overlap_seconds=0, request_id="1")
    assert fingerprint(absent) != fingerprint(given)


def test_unknown_fields_do_not_change_the_fingerprint() -> None:
    known = pb.CreateApiKeyRequest(name="laptop", request_id="1")
    later = pb.CreateApiKeyRequest.FromString(known.SerializeToString() + b"\xc2\x3e\x01x")
    assert later.ByteSize() > known.ByteSize()
    assert fingerprint(later) == fingerprint(known)


def test_a_request_without_a_request_id_has_no_fingerprint() -> None:
    assert fingerprint(pb.CreateApiKeyRequest(name="laptop")) is None
    set_request(None)
    assert current_fingerprint() is None


async def test_concurrent_calls_have_separate_fingerprints() -> None:
    parse = remembering(pb.CreateApiKeyRequest.FromString)

    async def call(name: str) -> bytes | None:
        parse(pb.CreateApiKeyRequest(name=name, request_id="1").SerializeToString())
        await asyncio.sleep(0)
        return current_fingerprint()

    a, b, again = await asyncio.gather(call("a"), call("b"), call("a"))
    assert a == again != b


def test_the_same_request_gets_the_first_result_and_a_different_one_is_refused() -> None:
    first = fingerprint(pb.CreateApiKeyRequest(name="laptop", request_id="1"))
    earlier = EarlierRequest("the result", first, NOON.astimezone(timezone(timedelta(hours=2))))
    assert earlier.repeated() == "the result"
    set_request(pb.CreateApiKeyRequest(name="phone", request_id="1"))
    with pytest.raises(RequestIdReused, match="was used for another request at 2026-01-01T12:00:00Z") as refused:
        earlier.repeated()
    assert refused.value.metadata == {"field": "request_id", "first_used_at": "2026-01-01T12:00:00Z"}


def test_a_result_stored_without_a_fingerprint_is_returned() -> None:
    set_request(pb.CreateApiKeyRequest(name="phone", request_id="1"))
    assert EarlierRequest("the result", None, NOON).repeated() == "the result"


def test_messages_with_a_request_id_field_are_recognised() -> None:
    assert has_request_id(pb.CreateApiKeyRequest.DESCRIPTOR)
    assert not has_request_id(pb.ListApiKeysRequest.DESCRIPTOR)
