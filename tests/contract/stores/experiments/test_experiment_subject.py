"""The suite for an experiment as the subject of a listening test."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.events.v1.envelope_pb2 import Envelope
from voicearena.experiments.v1.events_pb2 import ExperimentCompleted

from services.experiments.domain import EvalMode
from services.experiments.listening.domain import Link
from services.experiments.listening.subject import ExperimentSubject
from services.experiments.running.finishing import Finishing
from services.experiments.webhooks.publisher import WebhookPublisher
from services.runtime.db import Database
from services.runtime.ids import new_id
from services.shared.listening.subject import Subject
from services.shared.metrics import Measurements
from tests.contract.stores.experiments.rows import COMPLETED, NOON, RUNNING, end_trial, experiment, trial
from tests.contract.stores.experiments.stores import ExperimentStores
from tests.contract.stores.subject_contract import Clock, RemovableCase, RemovableSubjectContract
from tests.fakes.memory_database import MemoryDatabase, table

MEASURED = Measurements(duration_seconds=1.0, ttfb_ms=100.0, generation_time_ms=300.0, silence_ratio=0.1)


class ExperimentCase:
    """Experiments with one prompt and two models."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        stores = ExperimentStores(database)
        self.experiments, self.clips, self.lifecycle = stores.experiments, stores.clips, stores.lifecycle
        self.links, self.listening = stores.links, stores.listening
        publisher = WebhookPublisher(database, stores.webhooks, "")
        self.finishing = Finishing(self.experiments, self.clips, self.listening, stores.votes, publisher, clock)
        self.subject: Subject[None] = ExperimentSubject(self.experiments, self.links, self.finishing, clock)

    async def begin(self, votes_per_pair: int) -> str:
        planned = experiment(
            new_id("exp"),
            status=RUNNING,
            eval_mode=EvalMode.HUMAN,
            prompts=["Hello."],
            primary_metric="composite_per_prompt",
            votes_per_pair=votes_per_pair,
            total_trials=2,
        )
        trials = [trial(new_id("trl"), 0, model, of=planned.id) for model in range(2)]
        async with self.database.transaction() as connection:
            await self.experiments.add(connection, planned, "")
            await self.experiments.add_trials(connection, trials, NOON)
            for each in trials:
                await end_trial(connection, self.clips, each, MEASURED)
            await self.finishing.trials_ended(connection, planned)
        return planned.id

    async def invite(self, test_id: str) -> str:
        link = Link(
            id=new_id("lnk"),
            experiment_id=test_id,
            developer_id="dev_a",
            expires_at=NOON + timedelta(days=90),
            created_at=NOON,
        )
        async with self.database.transaction() as connection:
            await self.links.add(connection, link, "")
        return link.id

    async def end_invitation(self, invitation_id: str) -> None:
        async with self.database.transaction() as connection:
            await self.links.revoke(connection, invitation_id, self.clock())

    async def remove(self, connection: AsyncConnection, test_id: str) -> None:
        await self.listening.remove(connection, test_id)
        await self.lifecycle.delete(connection, test_id)

    async def received(self, connection: AsyncConnection, test_id: str) -> int:
        found = await self.experiments.lock(connection, test_id)
        assert found is not None
        return found.votes_received

    async def ends(self, connection: AsyncConnection, test_id: str) -> int:
        found = await self.experiments.lock(connection, test_id)
        assert found is not None
        if isinstance(self.database, MemoryDatabase):
            envelopes = [envelope for _, envelope in table(connection, "outbox").values()]
        else:
            envelopes = list((await connection.execute(sa.text("SELECT envelope FROM outbox"))).scalars())
        completed = ExperimentCompleted()
        ends = sum(
            Envelope.FromString(each).event.Unpack(completed) and completed.experiment_id == test_id
            for each in envelopes
        )
        assert (found.status is COMPLETED) == bool(ends)
        return ends


class TestExperimentSubject(RemovableSubjectContract):
    """The suite over experiments."""

    @pytest.fixture
    def case(self, database: Database, clock: Clock) -> RemovableCase:
        return ExperimentCase(database, clock)
