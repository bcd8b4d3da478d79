"""How often something was done from one address in the last 24 hours, and the limit of it."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.store import Store
from services.runtime.client_address import AddressHash
from services.runtime.clock import now
from services.runtime.errors import QuotaExceeded

WINDOW = timedelta(hours=24)


class AddressCounts:
    """Counts one kind of call by the address that it came from.

    Counts are kept by the hour, so there are at most 24 rows for each address that called within a day, and all
    processes share them. An address is stored as a keyed hash.
    """

    def __init__(self, store: Store, addresses: AddressHash, what: str, limit: int) -> None:
        """`what` names what is counted, in the plural; `limit` is how many may be made within 24 hours."""
        self._store = store
        self._addresses = addresses
        self._what = what
        self._limit = limit

    async def add(self, connection: AsyncConnection) -> None:
        """Counts one more, unless the transaction is rolled back; QuotaExceeded if that is too many.

        A call that did not come through the gateway has no address and is not counted.
        """
        address = self._addresses.of_client()
        if address is None:
            return
        hour = now().replace(minute=0, second=0, microsecond=0)
        # The row of this hour is locked from here on, so that calls from one address are counted one after another.
        total = await self._store.count_address(connection, self._what, address, hour, hour - WINDOW)
        if total > self._limit:
            raise QuotaExceeded(
                f"{self._limit} {self._what} were made from your address within 24 hours, which is the most: "
                "try again in an hour, or ask the operator to raise the limit",
                limit=str(self._limit),
            )
