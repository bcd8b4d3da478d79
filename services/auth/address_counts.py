"""Limits how often something can be done from one address within 24 hours."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.store import Store
from services.runtime.client_address import AddressHash
from services.runtime.clock import now
from services.runtime.errors import QuotaExceeded

WINDOW = timedelta(hours=24)


class AddressCounts:
    """Counts one kind of call by client address.

    Counts are stored per hour, so an address has at most 24 rows. All processes share them. An address is stored as a
    keyed hash.
    """

    def __init__(self, store: Store, addresses: AddressHash, what: str, limit: int) -> None:
        """`what` names the counted things in the plural. `limit` is their maximum per address within 24 hours."""
        self._store = store
        self._addresses = addresses
        self._what = what
        self._limit = limit

    async def add(self, connection: AsyncConnection) -> None:
        """Counts one more in the caller's transaction. Raises QuotaExceeded if that is above the limit.

        A call that did not come through the gateway has no address and is not counted.
        """
        address = self._addresses.of_client()
        if address is None:
            return
        hour = now().replace(minute=0, second=0, microsecond=0)
        # This locks the row of this hour, so that calls from one address are counted one after another.
        total = await self._store.count_address(connection, self._what, address, hour, hour - WINDOW)
        if total > self._limit:
            raise QuotaExceeded(
                f"Your address has made {self._limit} {self._what} within 24 hours, which is the limit. "
                "Try again in an hour, or ask the operator to raise the limit.",
                limit=str(self._limit),
            )
