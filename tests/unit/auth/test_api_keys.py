"""Scopes, expiry, rotation and revocation of API keys."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from services.auth import domain, usecases
from services.auth.domain import ApiKey
from services.auth.usecases import Auth
from services.runtime.clock import now
from services.runtime.errors import (
    InvalidInput,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    ScopeMissing,
    Unauthenticated,
    WrongState,
)
from services.runtime.identity import SCOPES, Caller, Identity, set_caller
from tests.unit.auth.test_usecases import call_as, fields

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def no_caller_afterwards() -> Iterator[None]:
    yield
    set_caller(None)


@pytest.fixture
async def first(auth: Auth) -> ApiKey:
    """A developer's first key. Calls are made with it."""
    developer, _ = await auth.register("Ada", "ada@example.org")
    call_as(developer.id)
    (key,), _ = await auth.list_api_keys(0, "")
    call_as(developer.id, key)
    return key


async def own(auth: Auth, key_id: str) -> ApiKey:
    """Returns the current state of a key of the caller."""
    keys, _ = await auth.list_api_keys(100, "")
    return next(key for key in keys if key.id == key_id)


async def test_the_first_key_has_all_scopes_and_never_expires(first: ApiKey) -> None:
    assert (first.scopes, first.expires_at, first.last_used_at, first.replaced_by) == (SCOPES, None, None, "")


async def test_a_key_gets_the_requested_scopes_and_expiry(auth: Auth, first: ApiKey) -> None:
    ends = now() + DAY
    made, _ = await auth.create_api_key("ci", scopes=["speech", "models:read", "speech"], expires_at=ends)
    assert (made.scopes, made.expires_at) == (("models:read", "speech"), ends)
    assert await own(auth, made.id) == made


async def test_a_key_gets_the_scopes_and_expiry_of_the_calling_key_by_default(auth: Auth, first: ApiKey) -> None:
    calling, _ = await auth.create_api_key("ci", scopes=["keys", "speech"], expires_at=now() + DAY)
    call_as(first.developer_id, calling)
    made, _ = await auth.create_api_key("another")
    assert (made.scopes, made.expires_at) == (("speech", "keys"), calling.expires_at)


async def test_a_key_can_not_create_one_with_more_scopes(auth: Auth, first: ApiKey) -> None:
    calling, _ = await auth.create_api_key("ci", scopes=["keys", "speech"])
    call_as(first.developer_id, calling)
    with pytest.raises(ScopeMissing, match="needs an API key with the scope webhooks") as raised:
        await auth.create_api_key("more scopes", scopes=["speech", "webhooks"])
    assert raised.value.metadata == {"scope": "webhooks"}


async def test_a_key_can_not_create_one_that_expires_later(auth: Auth, first: ApiKey) -> None:
    ends = now() + DAY
    calling, _ = await auth.create_api_key("ci", expires_at=ends)
    call_as(first.developer_id, calling)
    with pytest.raises(InvalidInput, match=f"expires_at: must be no later than {ends:%Y-%m-%dT%H:%M:%SZ}"):
        await auth.create_api_key("longer", expires_at=ends + timedelta(seconds=1))
    shorter, _ = await auth.create_api_key("shorter", expires_at=ends - timedelta(seconds=1))
    assert shorter.expires_at == ends - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("wanted", "faulty"),
    [
        ({"scopes": ["speech", "everything"]}, ["scopes[1]"]),
        ({"scopes": ["speech"] * (len(SCOPES) + 1)}, ["scopes"]),
        ({"expires_at": now() - timedelta(seconds=1)}, ["expires_at"]),
        ({"expires_at": now() + timedelta(days=3660)}, ["expires_at"]),
        ({"request_id": "r" * 101}, ["request_id"]),
        ({"scopes": [""], "expires_at": datetime.max.replace(tzinfo=now().tzinfo)}, ["scopes[0]", "expires_at"]),
    ],
)
async def test_each_invalid_field_of_a_new_key_is_named(
    auth: Auth, first: ApiKey, wanted: dict[str, object], faulty: list[str]
) -> None:
    with pytest.raises(InvalidInput) as raised:
        await auth.create_api_key("ci", **wanted)  # type: ignore[arg-type]
    assert fields(raised.value) == faulty


async def test_a_repeated_request_creates_one_key_and_shows_it_once(auth: Auth, first: ApiKey) -> None:
    made, key = await auth.create_api_key("ci", scopes=["speech"], request_id="r1")
    assert domain.is_well_formed(key)
    assert await auth.create_api_key("ci", scopes=["speech"], request_id="r1") == (made, "")
    another, _ = await auth.create_api_key("ci", request_id="r2")
    assert another.id != made.id


@pytest.mark.parametrize("fault", ["revoked", "expired"])
async def test_an_invalid_key_can_not_create_or_rotate_keys(
    auth: Auth, first: ApiKey, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = now() + DAY
    calling, _ = await auth.create_api_key("ci", expires_at=ends)
    if fault == "revoked":
        await auth.revoke_api_key(calling.id)
    else:
        monkeypatch.setattr(usecases, "now", lambda: ends)
    call_as(first.developer_id, calling)
    with pytest.raises(Unauthenticated, match=fault):
        await auth.create_api_key("another")
    with pytest.raises(Unauthenticated, match=fault):
        await auth.rotate_api_key(first.id)


async def test_a_rotated_key_is_valid_for_a_day_and_the_new_one_has_its_scopes_and_expiry(
    auth: Auth, first: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = now()
    old, _ = await auth.create_api_key("ci", scopes=["speech"], expires_at=moment + 30 * DAY)
    monkeypatch.setattr(usecases, "now", lambda: moment)
    new, key = await auth.rotate_api_key(old.id)
    assert (new.name, new.scopes, new.expires_at) == ("ci", ("speech",), moment + 30 * DAY)
    assert new.key_hash == domain.hash_key(key) != old.key_hash
    assert await own(auth, old.id) == dataclasses.replace(old, replaced_by=new.id, expires_at=moment + DAY)


async def test_rotating_a_key_does_not_extend_it(auth: Auth, first: ApiKey) -> None:
    ends = now() + timedelta(hours=1)
    old, _ = await auth.create_api_key("ci", expires_at=ends)
    new, _ = await auth.rotate_api_key(old.id)
    assert ((await own(auth, old.id)).expires_at, new.expires_at) == (ends, ends)


async def test_without_an_overlap_a_key_can_be_rotated_at_the_limit_of_keys(
    auth: Auth, first: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "MAX_KEYS", 1)
    with pytest.raises(QuotaExceeded, match="You already have 1 valid"):
        await auth.rotate_api_key(first.id)
    new, _ = await auth.rotate_api_key(first.id, overlap=timedelta(0))
    ended = await own(auth, first.id)
    assert ended.fault(now()).endswith(f"use {new.id}, to which it was rotated")
    assert (new.scopes, new.expires_at) == (SCOPES, None)


async def test_a_repeated_rotation_creates_one_key(auth: Auth, first: ApiKey) -> None:
    made, _ = await auth.rotate_api_key(first.id, request_id="r1")
    assert await auth.rotate_api_key(first.id, request_id="r1") == (made, "")


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=30, seconds=1)])
async def test_an_overlap_outside_of_its_limits_is_refused(auth: Auth, first: ApiKey, overlap: timedelta) -> None:
    with pytest.raises(InvalidInput, match="overlap_seconds: must be 0 to 2592000"):
        await auth.rotate_api_key(first.id, overlap=overlap)


async def test_a_key_can_be_rotated_once_and_only_while_it_is_valid(auth: Auth, first: ApiKey) -> None:
    old, _ = await auth.create_api_key("ci")
    new, _ = await auth.rotate_api_key(old.id)
    with pytest.raises(WrongState, match=f"was rotated to {new.id} before"):
        await auth.rotate_api_key(old.id)
    await auth.revoke_api_key(new.id)
    with pytest.raises(WrongState, match="The API key was revoked"):
        await auth.rotate_api_key(new.id)


async def test_a_key_can_not_rotate_one_with_more_scopes_or_a_later_expiry(auth: Auth, first: ApiKey) -> None:
    lesser, _ = await auth.create_api_key("ci", scopes=["keys"])
    call_as(first.developer_id, lesser)
    with pytest.raises(ScopeMissing):
        await auth.rotate_api_key(first.id)
    call_as(first.developer_id, first)
    shorter, _ = await auth.create_api_key("ci", expires_at=now() + DAY)
    call_as(first.developer_id, shorter)
    with pytest.raises(PermissionDenied, match="expires later than the calling key"):
        await auth.rotate_api_key(first.id)


async def test_only_the_callers_own_keys_can_be_rotated(auth: Auth, first: ApiKey) -> None:
    other, _ = await auth.register("Bob", "bob@example.org")
    call_as(other.id)
    (others,), _ = await auth.list_api_keys(0, "")
    call_as(first.developer_id, first)
    for key_id, error in ((others.id, NotFound), ("key_" + "0" * 32, NotFound), ("key_1", InvalidInput)):
        with pytest.raises(error):
            await auth.rotate_api_key(key_id)


async def test_a_key_can_not_revoke_one_with_more_scopes_but_always_itself(auth: Auth, first: ApiKey) -> None:
    lesser, _ = await auth.create_api_key("ci", scopes=["keys"])
    least, _ = await auth.create_api_key("ci", scopes=["keys"])
    call_as(first.developer_id, lesser)
    with pytest.raises(ScopeMissing, match="experiments:read"):
        await auth.revoke_api_key(first.id)
    assert (await own(auth, first.id)).revoked_at is None
    assert (await auth.revoke_api_key(least.id)).revoked_at is not None
    assert (await auth.revoke_api_key(lesser.id)).revoked_at is not None
    call_as(first.developer_id, first)
    assert (await auth.revoke_api_key(first.id)).revoked_at is not None


async def test_a_key_can_revoke_itself_with_a_token_of_fewer_scopes(auth: Auth, first: ApiKey) -> None:
    set_caller(Caller(Identity(first.developer_id, frozenset({"keys"}), first.id), "a token"))
    assert (await auth.revoke_api_key(first.id)).revoked_at is not None


async def test_invalid_keys_are_returned_with_the_reason(auth: Auth, first: ApiKey) -> None:
    revoked, _ = await auth.create_api_key("ci")
    await auth.revoke_api_key(revoked.id)
    old, _ = await auth.create_api_key("ci")
    new, _ = await auth.rotate_api_key(old.id, overlap=timedelta(0))
    faults = dict(await auth.key_faults([first.id, revoked.id, "key_x", old.id, new.id]))
    assert list(faults) == [revoked.id, "key_x", old.id]
    assert faults[revoked.id] == "The API key was revoked"
    assert faults["key_x"] == "The API key is unknown"
    assert f"use {new.id}, to which it was rotated" in faults[old.id]
    assert await auth.key_faults([]) == []
    with pytest.raises(InvalidInput, match="ids: must have at most 1000 entries"):
        await auth.key_faults(["key_x"] * 1001)
