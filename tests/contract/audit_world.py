"""The values for the cases of metric audits."""

from __future__ import annotations

from datetime import UTC, datetime

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from services.scoring.audit.domain import MetricAudit
from services.scoring.audit.expectations import Movement
from services.scoring.audit.judging import AuditStatus, Finding, MetricResult
from services.scoring.audit.store import audit_to_json
from tests.contract.case_world import CaseWorld

FAILED = "noise_20_db: It changed by +0.00 and should fall by 0.15 or more."
STORED = MetricAudit(
    completed_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
    clips=4,
    voices=("espeak:en-us",),
    metrics=(
        MetricResult(
            "quality",
            "overall_mos",
            AuditStatus.failed,
            FAILED,
            ("dnsmos/0",),
            (Finding("noise_20_db", "original", Movement.falls, 0.15, 0.0, False, FAILED),),
        ),
    ),
    measured_by={"quality": "dnsmos/0"},
)


class AuditWorld(CaseWorld):
    """The part of `World` for metric audits."""

    async def _key_for_evaluations(self) -> str:
        scopes = ["evaluations:write"]
        made = await self.call("AuthService.CreateApiKey", {"name": "evaluates", "scopes": scopes})
        return str(made["key"])

    async def _reader_of_stored_audit(self) -> str:
        # An audit of all metrics takes a minute. This one was stored by another version.
        statement = (
            "INSERT INTO scoring.metric_audits (id, completed_at, result) VALUES (1, %s, %s) "
            "ON CONFLICT (id) DO UPDATE SET completed_at = excluded.completed_at, result = excluded.result"
        )
        async with await AsyncConnection.connect(self.mesh.database_url, autocommit=True) as connection:
            await connection.execute(statement, (STORED.completed_at, Jsonb(audit_to_json(STORED))))
        return self.developer.api_key
