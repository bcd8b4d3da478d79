"""Checks of what belongs to the caller: the API key and the webhook endpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from gateway.cli.checks import Check, CheckOutcome, call_check, duration, failure_check
from gateway.cli.errors import HINT_KEY, CliError, ExitCode
from gateway.cli.session import CliSession

if TYPE_CHECKING:
    from gateway.cli.client import ArenaClient

EXPIRES_SOON_SECONDS = 7 * 86400.0


def key_checks(session: CliSession, client: ArenaClient, now: Callable[[], float] = time.time) -> Iterator[Check]:
    """Checks that there is an API key, that the gateway accepts it, and that it does not expire soon."""
    key = session.api_key()
    if key is None:
        yield Check("key", CheckOutcome.PROBLEM, f"no API key is stored for {session.address}", HINT_KEY)
        return
    check = call_check(
        "key", client.current_developer, lambda developer: (CheckOutcome.OK, f"belongs to {developer.email}", "")
    )
    yield check
    if check.outcome is CheckOutcome.OK:
        yield from _expiry_checks(key, client, now())


def _expiry_checks(key: str, client: ArenaClient, now: float) -> Iterator[Check]:
    try:
        keys = client.api_keys()
    except CliError as error:
        if error.exit_code != ExitCode.NOT_AUTHENTICATED:
            yield failure_check("key", error)
        return  # A key without the scope `keys` can't list keys.
    for each in keys:
        if key.startswith(each.prefix) and each.HasField("expires_at") and not each.HasField("revoked_at"):
            left = each.expires_at.ToNanoseconds() / 1e9 - now
            if left < EXPIRES_SOON_SECONDS:
                advice = f"Replace it with `arena keys rotate {each.id}`."
                yield Check("key", CheckOutcome.PROBLEM, f"{each.name} expires in {duration(left)}", advice)


def webhook_checks(client: ArenaClient) -> Iterator[Check]:
    """Finds webhook endpoints that are disabled."""
    try:
        endpoints = client.webhook_endpoints()
    except CliError as error:
        if error.exit_code != ExitCode.NOT_AUTHENTICATED:
            yield failure_check("webhooks", error)
        return
    for endpoint in endpoints:
        if not endpoint.enabled:
            detail = f"{endpoint.url} is disabled: {endpoint.disabled_reason}"
            advice = f"Fix the receiver, then run `arena webhooks enable {endpoint.id}`."
            yield Check("webhooks", CheckOutcome.PROBLEM, detail, advice)
