"""Attacks with webhooks that target the mesh itself."""

from tests.attack.attack import attack
from tests.attack.target import Target

SPELLINGS = (
    "127.0.0.1",
    "localhost",
    "LOCALHOST.",
    "0.0.0.0",
    "127.1",
    "2130706433",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "１２７。0。0。1",
)


@attack("has a webhook sent to the gateway", promise="400 in every spelling of its address")
async def call_the_mesh(target: Target) -> None:
    for host in SPELLINGS:
        url = f"http://{host}:{target.port}/quitquitquit"
        made = await target.call("WebhookService.CreateWebhookEndpoint", {"url": url})
        assert made.reason == "INVALID_INPUT", f"{url} was answered with {made.code} {made.reason}"
