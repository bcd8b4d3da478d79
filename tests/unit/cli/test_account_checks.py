"""What the doctor says of the caller's key and webhook endpoints."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from gateway.cli.account_checks import key_checks, webhook_checks
from gateway.cli.checks import Check, Outcome
from gateway.cli.session import Session
from tests.unit.cli.stand_in import KEY, StandIn, serve

NOW = 1_800_000_000.0
DAY = 86_400
BELONGS = Check("key", Outcome.OK, "belongs to ada@example.com")


async def of_the_key() -> list[Check]:
    session = Session(key=KEY)
    with session.client() as client:
        return await asyncio.to_thread(lambda: list(key_checks(session, client, lambda: NOW)))


async def of_webhooks() -> list[Check]:
    with Session(key=KEY).client() as client:
        return await asyncio.to_thread(lambda: list(webhook_checks(client)))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(7 * DAY, None), (7 * DAY - 1, "expires in 7 days"), (3 * DAY, "expires in 3 days"), (3600, "expires in 60 min")],
)
async def test_a_key_that_expires_within_a_week_is_a_problem(mesh: StandIn, seconds: int, said: str | None) -> None:
    mesh.api_key.prefix = KEY[:5]
    mesh.api_key.expires_at.FromSeconds(int(NOW) + seconds)
    expected = Check("key", Outcome.PROBLEM, f"ci {said}", "`arena keys rotate key_1` gives its successor.")
    assert await of_the_key() == ([BELONGS, expected] if said else [BELONGS])


async def test_another_key_of_the_developer_may_expire(mesh: StandIn) -> None:
    mesh.api_key.prefix = "kc_another"
    mesh.api_key.expires_at.FromSeconds(int(NOW) + 60)
    assert await of_the_key() == [BELONGS]


async def test_an_endpoint_that_is_disabled_is_a_problem(mesh: StandIn) -> None:
    assert await of_webhooks() == []
    mesh.endpoint.enabled = False
    mesh.endpoint.disabled_reason = "it answered 410"
    assert await of_webhooks() == [
        Check(
            "webhooks",
            Outcome.PROBLEM,
            "https://example.com/hook is disabled: it answered 410",
            "Mend the receiver, then `arena webhooks enable whe_1`.",
        )
    ]


async def test_a_key_that_may_not_look_is_not_to_blame(nobody: object, monkeypatch: pytest.MonkeyPatch) -> None:
    class Scopeless(StandIn):
        async def ListApiKeys(self, request: Any, context: Any) -> Any:  # noqa: N802
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the API key lacks the scope keys")

        async def ListWebhookEndpoints(self, request: Any, context: Any) -> Any:  # noqa: N802
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the API key lacks the scope webhooks")

    server, port = await serve(Scopeless())
    monkeypatch.setenv("ARENA_URL", f"http://127.0.0.1:{port}")
    assert (await of_the_key(), await of_webhooks()) == ([BELONGS], [])
    await server.stop(None)
