"""The store of metric audits in memory."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.audit.domain import MetricAudit
from tests.fakes.memory_database import table


class MemoryAuditStore:
    """Implements `services.scoring.audit.store.Store` over a MemoryDatabase."""

    async def claim(self, connection: AsyncConnection, run: str, now: datetime, until: datetime) -> bool:
        claims = table(connection, "audit_claims")
        if any(claimed_until >= now for claimed_until in claims.values()):
            return False
        claims.clear()
        claims[run] = until
        return True

    async def renew(self, connection: AsyncConnection, run: str, until: datetime) -> bool:
        claims = table(connection, "audit_claims")
        if run not in claims:
            return False
        claims[run] = until
        return True

    async def free(self, connection: AsyncConnection, run: str) -> None:
        table(connection, "audit_claims").pop(run, None)

    async def save(self, connection: AsyncConnection, run: str, audit: MetricAudit) -> bool:
        if table(connection, "audit_claims").pop(run, None) is None:
            return False
        table(connection, "audits")["latest"] = audit
        return True

    async def latest(self, connection: AsyncConnection) -> MetricAudit | None:
        return table(connection, "audits").get("latest")
