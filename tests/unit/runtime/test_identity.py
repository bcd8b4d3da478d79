"""Identity tokens: which are good, and what it costs to find out."""

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
    """Auth's public keys, and how often they were fetched."""

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
    """Time of day and monotonic time that stand still until they are moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.day = datetime.now(UTC).timestamp()
        self.monotonic = 1000.0
        clock = SimpleNamespace(time=lambda: self.day, monotonic=lambda: self.monotonic)
        monkeypatch.setattr(identity, "time", clock)

    def move(self, seconds: float) -> None:
        self.day += seconds
        self.monotonic += seconds

    def waits_instead_of_sleeping(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Makes each sleep move this clock at once; returns how long the sleeps were."""
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


async def test_a_good_token_says_who_calls_and_what_their_key_allows(verifier: TokenVerifier) -> None:
    given = token()
    assert await verifier.verify(given) == Caller(CALLER, given)


async def test_a_token_of_a_voter_says_so(verifier: TokenVerifier) -> None:
    given = token(aud=VOTER_AUDIENCE, sub="usr_a", scope=None)
    assert await verifier.verify(given) == Caller(None, given, Voter("usr_a"))
    set_caller(await verifier.verify(given))
    assert current_voter() == Voter("usr_a")
    with pytest.raises(PermissionDenied, match="takes a developer's API key"):
        current_identity()


async def test_a_token_for_developers_and_voters_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated, match="several audiences"):
        await verifier.verify(token(aud=[AUDIENCE, VOTER_AUDIENCE]))


async def test_a_token_from_before_the_clock_was_set_back_is_good(verifier: TokenVerifier) -> None:
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
async def test_a_token_that_is_not_good_is_refused_and_said_why(verifier: TokenVerifier, bad: str, why: str) -> None:
    with pytest.raises(Unauthenticated, match=why):
        await verifier.verify(bad)


async def test_a_token_with_any_part_changed_is_refused(verifier: TokenVerifier) -> None:
    head, claims, signature = token().split(".")
    other_head, other_claims, other_signature = token(sub="dev_b").split(".")
    assert head == other_head
    for mixed in (f"{head}.{other_claims}.{signature}", f"{head}.{claims}.{other_signature}", f"{head}.{claims}."):
        with pytest.raises(Unauthenticated, match="Signature"):
            await verifier.verify(mixed)


async def test_a_token_that_was_good_is_not_verified_again_until_it_expires(
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


async def test_what_is_remembered_is_bounded(verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "MAX_CACHED_TOKENS", 3)
    for number in range(10):
        assert (await verifier.verify(token(sub=f"dev_{number}"))).identity.developer_id == f"dev_{number}"
        assert len(verifier._verified) <= 3


async def test_keys_are_fetched_once_for_many_calls_that_arrive_together(auth: Auth, verifier: TokenVerifier) -> None:
    await asyncio.gather(*(verifier.verify(token(sub=f"dev_{number}")) for number in range(10)))
    assert auth.fetches == 1


async def test_a_new_key_is_fetched_when_a_token_names_it(
    auth: Auth, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    await verifier.verify(token())
    auth.keys["sig_b"] = STRANGER.public_key().public_bytes_raw()
    clock.move(identity.KEY_REFRESH_SECONDS + 0.001)
    assert (await verifier.verify(token(STRANGER, kid="sig_b"))).identity == CALLER
    assert auth.fetches == 2


async def test_unknown_keys_make_it_ask_at_most_once_a_second(
    auth: Auth, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    waits = clock.waits_instead_of_sleeping(monkeypatch)
    for moved, wait in ((0.0, 0.0), (0.001, 0.999), (0.25, 0.75), (0.5, 0.5), (1.0, 0.0), (5.0, 0.0)):
        clock.move(moved)
        fetches = auth.fetches
        with pytest.raises(Unauthenticated, match="unknown key"):
            await verifier.verify(token(STRANGER, kid=f"sig_{len(waits)}"))
        assert (waits.pop(), auth.fetches) == (pytest.approx(wait), fetches + 1)
        waits.append(0.0)


async def test_calls_with_unknown_keys_that_wait_together_ask_once(
    auth: Auth, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    clock.waits_instead_of_sleeping(monkeypatch)
    await verifier.verify(token())
    clock.move(10)
    tokens = [token(STRANGER, kid=f"sig_{number}") for number in range(5)]
    outcomes = await asyncio.gather(*map(verifier.verify, tokens), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unauthenticated] * 5
    assert auth.fetches == 2


async def test_a_key_that_was_made_just_after_keys_were_fetched_is_not_unknown(
    auth: Auth, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    waits = clock.waits_instead_of_sleeping(monkeypatch)
    await verifier.verify(token())
    auth.keys["sig_b"] = STRANGER.public_key().public_bytes_raw()
    clock.move(0.25)
    assert (await verifier.verify(token(STRANGER, kid="sig_b"))).identity == CALLER
    assert waits[-1] == pytest.approx(0.75)


@pytest.mark.parametrize("fault", [ConnectionRefusedError("refused"), TimeoutError()])
async def test_while_auth_is_away_it_can_not_be_told_and_later_it_can(
    auth: Auth, verifier: TokenVerifier, fault: Exception
) -> None:
    auth.fault = fault
    with pytest.raises(Unavailable, match="auth can't be reached"):
        await verifier.verify(token())
    auth.fault = None
    assert (await verifier.verify(token())).identity == CALLER


async def test_keys_that_are_known_serve_while_auth_is_away(auth: Auth, verifier: TokenVerifier) -> None:
    await verifier.verify(token())
    auth.fault = ConnectionRefusedError("refused")
    assert (await verifier.verify(token(sub="dev_b"))).identity.developer_id == "dev_b"


async def test_without_a_caller_credentials_are_missing() -> None:
    set_caller(None)
    with pytest.raises(CredentialsMissing, match="Authorization: Bearer KEY"):
        current_identity()


async def test_what_is_found_belongs_to_the_caller_or_is_not_found() -> None:
    mine, other = Identity("dev_a", frozenset()), Identity("dev_b", frozenset())
    set_caller(Caller(mine, "a token"))
    assert owned(mine, "voice model", "mdl_1") is mine
    for found in (other, None):
        with pytest.raises(NotFound, match="there is no voice model 'mdl_1'"):
            owned(found, "voice model", "mdl_1")
    set_caller(None)
    for found in (mine, None):
        with pytest.raises(CredentialsMissing):
            owned(found, "voice model", "mdl_1")


async def test_a_caller_is_known_to_the_tasks_of_their_call_only() -> None:
    async def call(developer_id: str) -> str:
        set_caller(Caller(Identity(developer_id, frozenset()), "a token"))
        await asyncio.sleep(0)
        return current_identity().developer_id

    assert list(await asyncio.gather(call("dev_a"), call("dev_b"))) == ["dev_a", "dev_b"]


def test_scopes_have_the_names_that_keys_were_given() -> None:
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
    )
    assert in_order(["keys", "speech", "keys"]) == ("speech", "keys")


def test_the_scope_of_an_rpc_is_what_its_option_says() -> None:
    methods = auth_service_pb2.DESCRIPTOR.services_by_name["AuthService"].methods_by_name
    assert [scope_of(methods[name]) for name in ("CreateApiKey", "GetCurrentDeveloper")] == ["keys", ""]
