"""A round of chaos: experiments, random faults from a seed, and an audit of the results."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import psycopg
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2

from deploy.local.mesh import Mesh
from services.scoring.pipeline.steps import STEPS
from tests.chaos.audit import (
    Audit,
    ExpectedExperiment,
    audit_evaluations,
    audit_round,
    recordings_in_battles,
)
from tests.chaos.audit_battles import audit_battles
from tests.chaos.faults import DUPLICATE, FAULTS, FULL_DISK, REORDER, FaultTarget
from tests.chaos.interference import Interference
from tests.chaos.recordings import RecordingClient, kill_in_step
from tests.chaos.retrying_client import RetryingClient
from tests.chaos.voting import Voter, Votes, voting_client
from tests.fakes.speech_server import SpeechServer
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.tmpfs import SmallDisk

END_SECONDS = 180.0
# An event that is lost with NATS is published again after 30 s, and its confirmation after another minute.
QUIET_SECONDS = 150.0
MAX_EVALUATIONS = 2
VOTERS = 3
POLL_SECONDS = 0.1
# The delay before each fault.
MAX_FAULT_DELAY_SECONDS = 1.5
CANCEL_SHARE, DELETE_SHARE, INTERFERENCE_SHARE = 0.25, 0.3, 0.5
PATH = "ok"
EXPERIMENTS = (2, 3)
Plan = experiment_service_pb2.CreateExperimentRequest


@dataclass
class Outcome:
    """The faults and results of a round."""

    seed: int
    faults: list[str]
    audit: Audit = field(default_factory=Audit)
    requests: Counter[str] = field(default_factory=Counter)
    """The number of requests to providers, by text."""
    webhooks: Counter[str] = field(default_factory=Counter)
    """The number of webhook deliveries, by experiment and evaluation."""
    duplicates: int = 0
    reordered: int = 0
    deleted: int = 0
    seconds: float = 0.0


class Chaos:
    """Runs rounds on one mesh with its providers and its webhook receiver."""

    def __init__(
        self,
        mesh: Mesh,
        client: RetryingClient,
        recordings: RecordingClient,
        providers: Sequence[tuple[str, SpeechServer, Sequence[str]]],
        receiver: WebhookReceiver,
        disk: SmallDisk | None = None,
    ) -> None:
        """`providers` has the id, the stand-in and the voices of each provider. Without `disk`, no disk is filled."""
        self._mesh = mesh
        self._client = client
        self._recordings = recordings
        self._servers = [server for _, server, _ in providers]
        self._voices = [(name, voice) for name, _, voices in providers for voice in voices]
        self._receiver = receiver
        self._target = FaultTarget(mesh, self._servers, receiver, disk)
        self._faults = sorted(name for name in FAULTS if disk is not None or name != FULL_DISK)

    @property
    def disk(self) -> SmallDisk | None:
        """The disk that can be filled, or None."""
        return self._target.disk

    async def round(self, seed: int, faults: Sequence[str] = ()) -> Outcome:
        """Runs one round. Without `faults`, the seed selects them. Raises TimeoutError if it does not end."""
        random = Random(seed)
        names = list(faults) or _random_faults(random, self._faults)
        outcome = Outcome(seed, names)
        started = asyncio.get_running_loop().time()
        await self._mesh.wait_serving()
        plans = [
            _plan(random, seed, number, self._voices, self._receiver.url(PATH))
            for number in range(random.randint(2, 3))
        ]
        cancels = [random.random() < CANCEL_SHARE for _ in plans]
        interference = Interference(self._mesh.nats_url, self._mesh.database_url, random)
        async with interference.interfering(duplicate=DUPLICATE in names, reorder=REORDER in names):
            planned = []
            for plan in plans:
                experiment = await self._client.run(plan)
                planned.append(ExpectedExperiment(experiment.id, experiment.total_trials))
            evaluations = [
                await self._recordings.upload(self._receiver.url(PATH), conditions=["telephone"])
                for _ in range(random.randint(1, MAX_EVALUATIONS))
            ]
            in_battles = [await self._recordings.upload_for_battles(self._receiver.url(PATH))]
            async with voting(self._mesh, random) as votes:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._inject(names, random))
                    for one, cancel in zip(planned, cancels, strict=True):
                        if cancel:
                            tasks.create_task(self._client.cancel(one.id, random.uniform(0, MAX_FAULT_DELAY_SECONDS)))
                async with asyncio.timeout(END_SECONDS):
                    for one in planned:
                        await self._client.wait_for_end(one.id)
                    for evaluation_id in (*evaluations, *in_battles):
                        await self._recordings.wait_for_end(evaluation_id)
                    await votes.enough.wait()
            outcome.duplicates, outcome.reordered = interference.duplicates, interference.reordered
        await self._mesh.wait_serving()
        await self._wait_until_quiet([*(one.id for one in planned), *evaluations, *in_battles])
        outcome.audit = await audit_round(self._mesh, planned, [*evaluations, *in_battles])
        await recordings_in_battles(self._mesh, in_battles, outcome.audit)
        await audit_battles(self._mesh, votes, outcome.audit)
        outcome.requests = self._requests({prompt for plan in plans for prompt in plan.prompts})
        self._check_requests(outcome)
        self._check_webhooks(outcome)
        for one in planned:
            if random.random() < DELETE_SHARE:
                await self._delete(one, outcome)
        outcome.seconds = asyncio.get_running_loop().time() - started
        return outcome

    async def kill_in_each_step(self, process: str) -> Audit:
        """Evaluates a recording for each step and kills scoring, or its processes of this name, in that step."""
        await self._mesh.wait_serving()
        evaluations = []
        for step in STEPS:
            # An evaluation whose process was killed waits for its turn until its claim has run out. This one is new.
            evaluations.append(await self._recordings.upload())
            async with asyncio.timeout(END_SECONDS):
                await kill_in_step(self._mesh, self._recordings, process, evaluations[-1], step.name)
        async with asyncio.timeout(END_SECONDS):
            for evaluation_id in evaluations:
                await self._recordings.wait_for_end(evaluation_id)
        return await audit_evaluations(self._mesh, evaluations)

    async def _inject(self, names: Sequence[str], random: Random) -> None:
        for name in names:
            if name in FAULTS:
                await asyncio.sleep(random.uniform(0, MAX_FAULT_DELAY_SECONDS))
                await FAULTS[name](self._target, random)

    def _requests(self, texts: set[str]) -> Counter[str]:
        """Returns the number of requests to providers, by text. Each round has its own texts."""
        return Counter({text: sum(server.requests_by_text[text] for server in self._servers) for text in texts})

    async def _wait_until_quiet(self, subjects: Sequence[str]) -> None:
        """Waits until all events of a round are published and confirmed, and all its webhooks are delivered.

        Also waits for the battles that are in preparation now.
        """
        async with (
            asyncio.timeout(QUIET_SECONDS),
            await psycopg.AsyncConnection.connect(self._mesh.database_url, autocommit=True) as connection,
        ):
            cursor = await connection.execute("SELECT now()")
            ended_at = await cursor.fetchone()
            assert ended_at is not None
            while True:
                cursor = await connection.execute(
                    "SELECT (SELECT count(*) FROM experiments.outbox) + (SELECT count(*) FROM scoring.outbox)"
                    " + (SELECT count(*) FROM elo.outbox)"
                    " + (SELECT count(*) FROM elo.battles WHERE status = 'preparing' AND created_at <= %s)"
                    " + (SELECT count(*) FROM experiments.webhook_deliveries"
                    "    WHERE subject_id = ANY(%s) AND status = 'pending')",
                    (*ended_at, list(subjects)),
                )
                if await cursor.fetchone() == (0,):
                    return
                await asyncio.sleep(POLL_SECONDS)

    def _check_requests(self, outcome: Outcome) -> None:
        recorded = outcome.audit.recorded
        for text, count in outcome.requests.items():
            outcome.audit.expect(
                count <= recorded[text], f"{text!r} was requested {count} times, and recorded {recorded[text]} times"
            )

    def _check_webhooks(self, outcome: Outcome) -> None:
        ended = {"experiment": outcome.audit.experiments, "evaluation": outcome.audit.evaluations}
        for kind, statuses in ended.items():
            for subject, status in statuses.items():
                self._check_webhooks_of(kind, subject, status, outcome)

    def _check_webhooks_of(self, kind: str, subject: str, status: str, outcome: Outcome) -> None:
        deliveries = [one for one in self._receiver.at(PATH) if one.json["data"].get(f"{kind}_id") == subject]
        outcome.webhooks[subject] = len(deliveries)
        ids, types = {one.id for one in deliveries}, {one.json["type"] for one in deliveries}
        outcome.audit.expect(
            len(ids) == 1 and types == {f"{kind}.{status}"},
            f"the webhook of {subject} ({status}) came {len(deliveries)} times with ids {ids}, types {types}",
        )
        outcome.audit.expect(
            all(one.verified for one in deliveries), f"a webhook of {subject} has an invalid signature"
        )

    async def _delete(self, planned: ExpectedExperiment, outcome: Outcome) -> None:
        trials = [trial.id for trial in await self._client.trials(planned.id)]
        await self._client.delete(planned.id)
        outcome.deleted += 1
        folder = self._mesh.data_dir.path / "audio"
        async with asyncio.timeout(QUIET_SECONDS):
            while left := [file.name for file in folder.iterdir() if file.name[:36] in trials]:  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
        outcome.audit.expect(not left, f"{left} of {planned.id} were not deleted")


@asynccontextmanager
async def voting(mesh: Mesh, random: Random) -> AsyncIterator[Votes]:
    """Lets people vote during the block. At its end each vote that was sent has its answer."""
    votes, stop = Votes(), asyncio.Event()
    async with voting_client(mesh) as http, asyncio.TaskGroup() as tasks:
        for _ in range(VOTERS):
            tasks.create_task(Voter(http, votes, Random(random.random())).vote_until(stop))
        try:
            yield votes
        finally:
            stop.set()


def _random_faults(random: Random, faults: Sequence[str]) -> list[str]:
    names = random.sample(faults, random.choices((1, 2, 3), weights=(3, 4, 2))[0])
    return names + [name for name in (DUPLICATE, REORDER) if random.random() < INTERFERENCE_SHARE]


def _plan(random: Random, seed: int, number: int, voices: Sequence[tuple[str, str]], url: str) -> Plan:
    return Plan(
        name=f"round {seed}, experiment {number}",
        scenario="general",
        eval_mode=experiment_pb2.Experiment.automated,
        profile="latency",
        models=[
            experiment_pb2.ModelSpec(provider=provider, voice_id=voice)
            for provider, voice in random.sample(voices, random.randint(2, 4))
        ],
        prompts=[f"Round {seed}, experiment {number}, prompt {index}." for index in range(random.randint(2, 4))],
        repeats=random.randint(1, 2),
        webhook_url=url,
        seed=random.randrange(2**32),
    )
