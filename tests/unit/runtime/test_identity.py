"""Which identity tokens are valid, and how often keys are fetched to verify them."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from voicearena.auth.v1 import auth_service_pb2

from services.runtime import identity
from services.runtime.errors import CredentialsMissing, NotFound, PermissionDenied, Unauthenticated, Unavailable
from services.runtime.identity import (
    AUDIENCE,
    ISSUER,
    SCOPES,
    VOTER_AUDIENCE,
    Caller,
    Identity,
    TokenVerifier,
    Voter,
    current_identity,
    current_voter,
    in_order,
    owned,
    scope_of,
    set_caller,
)

PRIVATE = Ed25519PrivateKey.generate()
STRANGER = Ed25519PrivateKey.generate()
CALLER = Identity("dev_a", frozenset({"experiments", "speech"}))


def token(
    key: object = PRIVATE, *, kid: str = "sig_a", algorithm: str = "EdDSA", seconds: int = 3600, **changed: object
) -> str:
    issued = datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "dev_a",
        "scope": "experiments speech",
        "iat": issued,
        "exp": issued + timedelta(seconds=seconds),
    }
    claims.update(changed)
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid})  # type: ignore[arg-type]


class Auth:
    """Auth's public keys. Counts how often they are fetched."""

    def __init__(self) -> None:
        self.keys = {"sig_a": PRIVATE.public_key().public_bytes_raw()}
        self.fetches = 0
        self.fault: Exception | None = None

    async def fetch(self) -> Mapping[str, bytes]:
        self.fetches += 1
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        return dict(self.keys)


class Clock:
    """Wall clock and monotonic clock that stand still until they are moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.day = datetime.now(UTC).timestamp()
        self.monotonic = 1000.0
        clock = SimpleNamespace(time=lambda: self.day, monotonic=lambda: self.monotonic)
        monkeypatch.setattr(identity, "time", clock)

    def move(self, seconds: float) -> None:
        self.day += seconds
        self.monotonic += seconds

    def skip_sleeps(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Makes each sleep move this clock at once. Returns a list that gets the length of each sleep."""
        waits: list[float] = []
        sleep = asyncio.sleep

        async def moved(seconds: float) -> None:
            waits.append(seconds)
            self.move(seconds)
            await sleep(0)

        monkeypatch.setattr(identity, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": moved}))
        return waits


@pytest.fixture
def auth() -> Auth:
    return Auth()


@pytest.fixture
def verifier(auth: Auth) -> TokenVerifier:
    return TokenVerifier(auth.fetch)


async def test_a_valid_token_names_the_developer_and_their_scopes(verifier: TokenVerifier) -> None:
    given = token()
    assert await verifier.verify(given) == Caller(CALLER, given)


async def test_a_voter_s_token_names_the_voter(verifier: TokenVerifier) -> None:
    given = token(aud=VOTER_AUDIENCE, sub="usr_a", scope=None)
    assert await verifier.verify(given) == Caller(None, given, Voter("usr_a"))
    set_caller(await verifier.verify(given))
    assert current_voter() == Voter("usr_a")
    with pytest.raises(PermissionDenied, match="needs a developer's API key"):
        current_identity()


async def test_a_voter_s_token_names_the_developer_who_invited_them(verifier: TokenVerifier) -> None:
    given = token(aud=VOTER_AUDIENCE, sub="usr_a", scope=None, invited_by="dev_a")
    assert await verifier.verify(given) == Caller(None, given, Voter("usr_a", "dev_a"))


async def test_a_token_for_developers_and_voters_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated, match="several audiences"):
        await verifier.verify(token(aud=[AUDIENCE, VOTER_AUDIENCE]))


async def test_a_token_stays_valid_when_the_clock_is_set_back(verifier: TokenVerifier) -> None:
    given = token(iat=datetime.now(UTC) + timedelta(minutes=10))
    assert await verifier.verify(given) == Caller(CALLER, given)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (token(seconds=-1), "expired"),
        (token(aud="another"), "Audience"),
        (token(iss="somebody"), "Invalid issuer"),
        (token(sub=None), '"sub"'),
        (token(exp=None), '"exp"'),
        (token(iat=None), '"iat"'),
        (token(STRANGER), "Signature"),
        (token(STRANGER, kid="sig_b"), "unknown key"),
        (token("", algorithm="none"), "alg"),
        (token("s" * 32, algorithm="HS256"), "alg"),
        (token(PRIVATE.public_key().public_bytes_raw(), algorithm="HS256"), "alg"),
        ("", "not valid"),
        ("not.a.token", "not valid"),
        ("a.b", "not valid"),
        ("é", "not valid"),
    ],
    ids=lambda value: value if len(value) < 20 else "",
)
async def test_an_invalid_token_is_refused_with_the_reason(verifier: TokenVerifier, bad: str, why: str) -> None:
    with pytest.raises(Unauthenticated, match=why):
        await verifier.verify(bad)


async def test_a_token_with_any_part_changed_is_refused(verifier: TokenVerifier) -> None:
    head, claims, signature = token().split(".")
    other_head, other_claims, other_signature = token(sub="dev_b").split(".")
    assert head == other_head
    for mixed in (f"{head}.{other_claims}.{signature}", f"{head}.{claims}.{other_signature}", f"{head}.{claims}."):
        with pytest.raises(Unauthenticated, match="Signature"):
            await verifier.verify(mixed)


async def test_a_valid_token_is_verified_once_until_it_expires(
    verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = token()
    clock = Clock(monkeypatch)
    first = await verifier.verify(given)
    with monkeypatch.context() as patched:
        patched.setattr("services.runtime.identity.jwt.decode", None)
        assert await verifier.verify(given) is first
    clock.move(3601)
    verified = []
    decode = jwt.decode

    def counted(*arguments: object, **options: object) -> object:
        verified.append(arguments[0])
        return decode(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("services.runtime.identity.jwt.decode", counted)
    await verifier.verify(given)
    assert verified == [given]


async def test_the_cache_of_tokens_has_a_maximum_size(verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "MAX_CACHED_TOKENS", 3)
    for number in range(10):
        assert (await verifier.verify(token(sub=f"dev_{number}"))).identity.developer_id == f"dev_{number}"
        assert len(verifier._verified) <= 3


async def test_concurrent_calls_fetch_the_keys_once(auth: Auth, verifier: TokenVerifier) -> None:
    await asyncio.gather(*(verifier.verify(token(sub=f"dev_{number}")) for number in range(10)))
    assert auth.fetches == 1


async def test_a_token_with_a_new_key_id_makes_the_verifier_fetch_the_keys(
    auth: Auth, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    await verifier.verify(token())
    auth.keys["sig_b"] = STRANGER.public_key().public_bytes_raw()
    clock.move(identity.MIN_KEY_REFRESH_SECONDS + 0.001)
    assert (await verifier.verify(token(STRANGER, kid="sig_b"))).identity == CALLER
    assert auth.fetches == 2


async def test_tokens_with_unknown_key_ids_fetch_the_keys_at_most_once_a_second(
    auth: Auth, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    waits = clock.skip_sleeps(monkeypatch)
    for moved, wait in ((0.0, 0.0), (0.001, 0.999), (0.25, 0.75), (0.5, 0.5), (1.0, 0.0), (5.0, 0.0)):
        clock.move(moved)
        fetches = auth.fetches
        with pytest.raises(Unauthenticated, match="unknown key"):
            await verifier.verify(token(STRANGER, kid=f"sig_{len(waits)}"))
        assert (waits.pop(), auth.fetches) == (pytest.approx(wait), fetches + 1)
        waits.append(0.0)


async def test_concurrent_calls_with_unknown_key_ids_fetch_the_keys_once(
    auth: Auth, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    clock.skip_sleeps(monkeypatch)
    await verifier.verify(token())
    clock.move(10)
    tokens = [token(STRANGER, kid=f"sig_{number}") for number in range(5)]
    outcomes = await asyncio.gather(*map(verifier.verify, tokens), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unauthenticated] * 5
    assert auth.fetches == 2


async def test_a_key_that_was_created_just_after_a_fetch_is_found(
    auth: Auth, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    waits = clock.skip_sleeps(monkeypatch)
    await verifier.verify(token())
    auth.keys["sig_b"] = STRANGER.public_key().public_bytes_raw()
    clock.move(0.25)
    assert (await verifier.verify(token(STRANGER, kid="sig_b"))).identity == CALLER
    assert waits[-1] == pytest.approx(0.75)


@pytest.mark.parametrize("fault", [ConnectionRefusedError("refused"), TimeoutError()])
async def test_a_token_can_not_be_verified_while_auth_is_down(
    auth: Auth, verifier: TokenVerifier, fault: Exception
) -> None:
    auth.fault = fault
    with pytest.raises(Unavailable, match="Auth can't be reached"):
        await verifier.verify(token())
    auth.fault = None
    assert (await verifier.verify(token())).identity == CALLER


async def test_known_keys_verify_tokens_while_auth_is_down(auth: Auth, verifier: TokenVerifier) -> None:
    await verifier.verify(token())
    auth.fault = ConnectionRefusedError("refused")
    assert (await verifier.verify(token(sub="dev_b"))).identity.developer_id == "dev_b"


async def test_a_call_without_an_identity_lacks_credentials() -> None:
    set_caller(None)
    with pytest.raises(CredentialsMissing, match="Authorization: Bearer KEY"):
        current_identity()


async def test_a_resource_of_another_developer_is_not_found() -> None:
    mine, other = Identity("dev_a", frozenset()), Identity("dev_b", frozenset())
    set_caller(Caller(mine, "a token"))
    assert owned(mine, "voice model", "mdl_1") is mine
    for found in (other, None):
        with pytest.raises(NotFound, match="There is no voice model 'mdl_1'"):
            owned(found, "voice model", "mdl_1")
    set_caller(None)
    for found in (mine, None):
        with pytest.raises(CredentialsMissing):
            owned(found, "voice model", "mdl_1")


async def test_the_caller_is_known_only_in_the_tasks_of_their_call() -> None:
    async def call(developer_id: str) -> str:
        set_caller(Caller(Identity(developer_id, frozenset()), "a token"))
        await asyncio.sleep(0)
        return current_identity().developer_id

    assert list(await asyncio.gather(call("dev_a"), call("dev_b"))) == ["dev_a", "dev_b"]


def test_the_scopes_keep_their_names_and_order() -> None:
    assert SCOPES == (
        "experiments:read",
        "experiments:write",
        "models:read",
        "models:write",
        "speech",
        "evaluations:read",
        "webhooks",
        "keys",
        "evaluations:write",
        "arena:write",
    )
    assert in_order(["keys", "speech", "keys"]) == ("speech", "keys")


def test_the_scope_of_an_rpc_is_read_from_its_options() -> None:
    methods = auth_service_pb2.DESCRIPTOR.services_by_name["AuthService"].methods_by_name
    assert [scope_of(methods[name]) for name in ("CreateApiKey", "GetCurrentDeveloper")] == ["keys", ""]
