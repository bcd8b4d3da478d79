"""The doctor's checks of the caller's API key and webhook endpoints."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from gateway.cli.account_checks import key_checks, webhook_checks
from gateway.cli.checks import Check, CheckOutcome
from gateway.cli.session import CliSession
from tests.unit.cli.stand_in import KEY, StandIn, serve

NOW = 1_800_000_000.0
DAY = 86_400
BELONGS = Check("key", CheckOutcome.OK, "belongs to ada@example.com")


async def checks_of_the_key() -> list[Check]:
    session = CliSession(key=KEY)
    with session.client() as client:
        return await asyncio.to_thread(lambda: list(key_checks(session, client, lambda: NOW)))


async def checks_of_webhooks() -> list[Check]:
    with CliSession(key=KEY).client() as client:
        return await asyncio.to_thread(lambda: list(webhook_checks(client)))


@pytest.mark.parametrize(
    ("seconds", "detail"),
    [(7 * DAY, None), (7 * DAY - 1, "expires in 7 days"), (3 * DAY, "expires in 3 days"), (3600, "expires in 60 min")],
)
async def test_a_key_that_expires_within_a_week_is_a_problem(mesh: StandIn, seconds: int, detail: str | None) -> None:
    mesh.api_key.prefix = KEY[:5]
    mesh.api_key.expires_at.FromSeconds(int(NOW) + seconds)
    expected = Check("key", CheckOutcome.PROBLEM, f"ci {detail}", "Replace it with `arena keys rotate key_1`.")
    assert await checks_of_the_key() == ([BELONGS, expected] if detail else [BELONGS])


async def test_other_keys_of_the_developer_are_not_checked(mesh: StandIn) -> None:
    mesh.api_key.prefix = "kc_another"
    mesh.api_key.expires_at.FromSeconds(int(NOW) + 60)
    assert await checks_of_the_key() == [BELONGS]


async def test_a_disabled_webhook_endpoint_is_a_problem(mesh: StandIn) -> None:
    assert await checks_of_webhooks() == []
    mesh.endpoint.enabled = False
    mesh.endpoint.disabled_reason = "it answered 410"
    assert await checks_of_webhooks() == [
        Check(
            "webhooks",
            CheckOutcome.PROBLEM,
            "https://example.com/hook is disabled: it answered 410",
            "Fix the receiver, then run `arena webhooks enable whe_1`.",
        )
    ]


async def test_a_key_without_the_scopes_of_a_check_is_not_a_problem(
    no_key: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    class WithoutScopes(StandIn):
        async def ListApiKeys(self, request: Any, context: Any) -> Any:  # noqa: N802
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the API key lacks the scope keys")

        async def ListWebhookEndpoints(self, request: Any, context: Any) -> Any:  # noqa: N802
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the API key lacks the scope webhooks")

    server, port = await serve(WithoutScopes())
    monkeypatch.setenv("ARENA_URL", f"http://127.0.0.1:{port}")
    assert (await checks_of_the_key(), await checks_of_webhooks()) == ([BELONGS], [])
    await server.stop(None)
