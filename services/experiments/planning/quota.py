"""How many experiments a developer has at a time: running, and not ended."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.store import Store
from services.runtime.errors import QuotaExceeded


async def check_quota(connection: AsyncConnection, store: Store, developer_id: str, most: int) -> None:
    """Lets one more experiment of a developer run in the caller's transaction; QuotaExceeded if `most` are running.

    To be called before the experiment is locked: who makes one run waits here for another that does.
    """
    running = await store.count_running(connection, developer_id)
    if running >= most:
        raise QuotaExceeded(
            f"{running} of your experiments are running, and at most {most} may at a time: wait for one to complete, "
            "or cancel one, and then run this one",
            limit=str(most),
        )


def check_unfinished(unfinished: int, limit: int) -> None:
    """Lets a developer have one more experiment that has not ended; QuotaExceeded if there are `limit`."""
    if unfinished >= limit:
        raise QuotaExceeded(
            f"{unfinished} of your experiments have not ended, and there may be {limit} at a time: run, cancel or "
            "delete some",
            limit=str(limit),
        )
