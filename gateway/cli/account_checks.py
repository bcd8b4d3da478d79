"""What is wrong with what belongs to the caller: the API key, the webhook endpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from gateway.cli.checks import Check, Outcome, asked, duration, failed
from gateway.cli.errors import HINT_KEY, CliError, ExitCode
from gateway.cli.session import Session

if TYPE_CHECKING:
    from gateway.cli.client import ArenaClient

SOON_SECONDS = 7 * 86400.0


def key_checks(session: Session, client: ArenaClient, now: Callable[[], float] = time.time) -> Iterator[Check]:
    """Whether there is a key, the gateway takes it, and it will for a while."""
    key = session.api_key()
    if key is None:
        yield Check("key", Outcome.PROBLEM, f"none is stored for {session.address}", HINT_KEY)
        return
    check = asked("key", client.current_developer, lambda developer: (Outcome.OK, f"belongs to {developer.email}", ""))
    yield check
    if check.outcome is Outcome.OK:
        yield from _expiry_checks(key, client, now())


def _expiry_checks(key: str, client: ArenaClient, now: float) -> Iterator[Check]:
    try:
        keys = client.api_keys()
    except CliError as error:
        if error.exit_code != ExitCode.NOT_AUTHENTICATED:
            yield failed("key", error)
        return  # a key without the scope `keys` can't tell
    for each in keys:
        if key.startswith(each.prefix) and each.HasField("expires_at") and not each.HasField("revoked_at"):
            left = each.expires_at.ToNanoseconds() / 1e9 - now
            if left < SOON_SECONDS:
                advice = f"`arena keys rotate {each.id}` gives its successor."
                yield Check("key", Outcome.PROBLEM, f"{each.name} expires in {duration(left)}", advice)


def webhook_checks(client: ArenaClient) -> Iterator[Check]:
    """Endpoints that are not told of anything any more."""
    try:
        endpoints = client.webhook_endpoints()
    except CliError as error:
        if error.exit_code != ExitCode.NOT_AUTHENTICATED:
            yield failed("webhooks", error)
        return
    for endpoint in endpoints:
        if not endpoint.enabled:
            detail = f"{endpoint.url} is disabled: {endpoint.disabled_reason}"
            advice = f"Mend the receiver, then `arena webhooks enable {endpoint.id}`."
            yield Check("webhooks", Outcome.PROBLEM, detail, advice)
