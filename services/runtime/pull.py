"""Fetches events from a JetStream consumer one by one, and hands back the last one when it stops."""

import asyncio
from contextlib import suppress

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext

# How long to wait, after unsubscribing, for a message that the server has already sent.
LAST_MESSAGE_TIMEOUT_SECONDS = 0.2


class Pull:
    """A subscription to one JetStream consumer. Use `open` to create it."""

    def __init__(self, subscription: Subscription, pull: JetStreamContext.PullSubscription) -> None:
        self._subscription = subscription
        self._pull = pull

    @classmethod
    async def open(cls, client: Client, jetstream: JetStreamContext, stream: str, durable: str) -> "Pull":
        """Subscribes. If the consumer is missing, the first `next` fails."""
        # As pull_subscribe_bind does, but that does not give access to its subscription.
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox)
        pull = JetStreamContext.PullSubscription(jetstream, subscription, stream, durable, inbox.encode())
        return cls(subscription, pull)

    async def next(self, seconds: float) -> Msg:
        """Returns the next event. Raises TimeoutError if none comes in time."""
        return (await self._pull.fetch(1, timeout=seconds))[0]

    async def unsubscribe(self) -> None:
        """Unsubscribes, and hands back an event that the server sent meanwhile, so that another process gets it."""
        # `drain` unsubscribes at the server, then waits until the loop below has taken all remaining messages.
        draining = asyncio.create_task(self._subscription.drain())  # type: ignore[no-untyped-call]
        try:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                while True:
                    message = await self._subscription.next_msg(timeout=LAST_MESSAGE_TIMEOUT_SECONDS)
                    # A status message, which has no reply subject, is no event.
                    if message.reply:
                        await message.nak()
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)
