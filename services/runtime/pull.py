"""One event after another from a consumer, and none lost on leaving."""

import asyncio
from contextlib import suppress

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext

# How long what the server has sent may take to come, once it was told to send nothing more.
LAST_MESSAGE_SECONDS = 0.2


class Pull:
    """A subscription of its own to one consumer. Make it with `open`."""

    def __init__(self, subscription: Subscription, pull: JetStreamContext.PullSubscription) -> None:
        self._subscription = subscription
        self._pull = pull

    @classmethod
    async def open(cls, client: Client, jetstream: JetStreamContext, stream: str, durable: str) -> "Pull":
        """Subscribes. Whether the consumer is there shows at the first request."""
        # What pull_subscribe_bind does, which keeps the subscription to itself.
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox)
        pull = JetStreamContext.PullSubscription(jetstream, subscription, stream, durable, inbox.encode())
        return cls(subscription, pull)

    async def next(self, seconds: float) -> Msg:
        """Returns the next event; TimeoutError if none comes in time."""
        return (await self._pull.fetch(1, timeout=seconds))[0]

    async def leave(self) -> None:
        """Unsubscribes. What the server sent meanwhile is handed back, so that another process gets it at once."""
        # It ends the server's interest first and waits then for what is left to be taken, which happens here.
        draining = asyncio.create_task(self._subscription.drain())  # type: ignore[no-untyped-call]
        try:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                while True:
                    message = await self._subscription.next_msg(timeout=LAST_MESSAGE_SECONDS)
                    # What says how a request ended has nowhere to be answered to.
                    if message.reply:
                        await message.nak()
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)
