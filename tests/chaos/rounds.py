"""A round of chaos: experiments, faults drawn by a seed, and an account of what came of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import psycopg
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2

from deploy.local.mesh import Mesh
from tests.chaos.accounts import Account, Planned, draw_up
from tests.chaos.faults import DUPLICATE, FAULTS, FULL_DISK, REORDER, Victims
from tests.chaos.interference import Interference
from tests.chaos.watching import Follower
from tests.fakes.speech_server import SpeechServer
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.tmpfs import SmallDisk

END_SECONDS = 180.0
QUIET_SECONDS = 60.0
POLL_SECONDS = 0.1
# Between the start of a round and its first fault, and between faults.
MAX_FAULT_DELAY_SECONDS = 1.5
CANCELS, DELETES, INTERFERES = 0.25, 0.3, 0.5
PATH = "ok"
EXPERIMENTS = (2, 3)
Plan = experiment_service_pb2.CreateExperimentRequest


@dataclass
class Outcome:
    """What a round did and what came of it."""

    seed: int
    faults: list[str]
    account: Account = field(default_factory=Account)
    requests: Counter[str] = field(default_factory=Counter)
    """How often providers were asked for each text."""
    webhooks: Counter[str] = field(default_factory=Counter)
    """Deliveries of each experiment's message."""
    duplicates: int = 0
    reordered: int = 0
    deleted: int = 0
    seconds: float = 0.0


class Chaos:
    """Rounds over one mesh, its providers, and the receiver of its webhooks."""

    def __init__(
        self,
        mesh: Mesh,
        follower: Follower,
        providers: Sequence[tuple[str, SpeechServer, Sequence[str]]],
        receiver: WebhookReceiver,
        disk: SmallDisk | None = None,
    ) -> None:
        """`providers` are each one's id, its stand-in, and the voices to compare. Without a `disk` none is filled."""
        self._mesh = mesh
        self._follower = follower
        self._servers = [server for _, server, _ in providers]
        self._voices = [(name, voice) for name, _, voices in providers for voice in voices]
        self._receiver = receiver
        self._victims = Victims(mesh, self._servers, receiver, disk)
        self._faults = sorted(name for name in FAULTS if disk is not None or name != FULL_DISK)

    @property
    def disk(self) -> SmallDisk | None:
        """The disk that can be filled, if there is one."""
        return self._victims.disk

    async def round(self, seed: int, faults: Sequence[str] = ()) -> Outcome:
        """Makes one round; without `faults` the seed draws them. AssertionError if an experiment does not end."""
        random = Random(seed)
        names = list(faults) or _drawn(random, self._faults)
        outcome = Outcome(seed, names)
        began = asyncio.get_running_loop().time()
        await self._mesh.wait_serving()
        plans = [
            _plan(random, seed, number, self._voices, self._receiver.url(PATH))
            for number in range(random.randint(2, 3))
        ]
        cancels = [random.random() < CANCELS for _ in plans]
        interference = Interference(self._mesh.nats_url, self._mesh.database_url, random)
        async with interference.interfering(duplicate=DUPLICATE in names, reorder=REORDER in names):
            planned = []
            for plan in plans:
                experiment = await self._follower.run(plan)
                planned.append(Planned(experiment.id, experiment.total_trials))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._do(names, random))
                for one, cancel in zip(planned, cancels, strict=True):
                    if cancel:
                        tasks.create_task(self._follower.cancel(one.id, random.uniform(0, MAX_FAULT_DELAY_SECONDS)))
            async with asyncio.timeout(END_SECONDS):
                for one in planned:
                    await self._follower.end(one.id)
            outcome.duplicates, outcome.reordered = interference.duplicates, interference.reordered
        await self._mesh.wait_serving()
        await self._quiet([one.id for one in planned])
        outcome.account = await draw_up(self._mesh, planned)
        outcome.requests = self._asked({prompt for plan in plans for prompt in plan.prompts})
        self._check_requests(outcome)
        self._check_webhooks(outcome)
        for one in planned:
            if random.random() < DELETES:
                await self._delete(one, outcome)
        outcome.seconds = asyncio.get_running_loop().time() - began
        return outcome

    async def _do(self, names: Sequence[str], random: Random) -> None:
        for name in names:
            if name in FAULTS:
                await asyncio.sleep(random.uniform(0, MAX_FAULT_DELAY_SECONDS))
                await FAULTS[name](self._victims, random)

    def _asked(self, texts: set[str]) -> Counter[str]:
        """Returns how often providers were asked for each text. Each round has texts of its own."""
        return Counter({text: sum(server.asked_for[text] for server in self._servers) for text in texts})

    async def _quiet(self, experiments: Sequence[str]) -> None:
        """Waits until nothing of a round is on its way any more: events published and webhooks delivered."""
        async with (
            asyncio.timeout(QUIET_SECONDS),
            await psycopg.AsyncConnection.connect(self._mesh.database_url, autocommit=True) as connection,
        ):
            while True:
                cursor = await connection.execute(
                    "SELECT (SELECT count(*) FROM experiments.outbox WHERE published_at IS NULL)"
                    " + (SELECT count(*) FROM scoring.outbox WHERE published_at IS NULL)"
                    " + (SELECT count(*) FROM experiments.webhook_deliveries"
                    "    WHERE experiment_id = ANY(%s) AND status = 'pending')",
                    (list(experiments),),
                )
                if await cursor.fetchone() == (0,):
                    return
                await asyncio.sleep(POLL_SECONDS)

    def _check_requests(self, outcome: Outcome) -> None:
        recorded = outcome.account.recorded
        for text, asked in outcome.requests.items():
            outcome.account.expect(
                asked <= recorded[text], f"{text!r} was asked for {asked} times, recorded are {recorded[text]}"
            )

    def _check_webhooks(self, outcome: Outcome) -> None:
        for experiment_id, status in outcome.account.experiments.items():
            told = [one for one in self._receiver.at(PATH) if one.json["data"]["experiment_id"] == experiment_id]
            outcome.webhooks[experiment_id] = len(told)
            ids, types = {one.id for one in told}, {one.json["type"] for one in told}
            outcome.account.expect(
                len(ids) == 1 and types == {f"experiment.{status}"},
                f"the webhook of {experiment_id}, {status}, came {len(told)} times with ids {ids} and types {types}",
            )
            outcome.account.expect(
                all(one.verified for one in told), f"a webhook of {experiment_id} is not signed well"
            )

    async def _delete(self, planned: Planned, outcome: Outcome) -> None:
        trials = [trial.id for trial in await self._follower.trials(planned.id)]
        await self._follower.delete(planned.id)
        outcome.deleted += 1
        folder = self._mesh.data_dir.path / "audio"
        async with asyncio.timeout(QUIET_SECONDS):
            while left := [file.name for file in folder.iterdir() if file.name[:36] in trials]:  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
        outcome.account.expect(not left, f"{left} are left of {planned.id}")


def _drawn(random: Random, faults: Sequence[str]) -> list[str]:
    names = random.sample(faults, random.choices((1, 2, 3), weights=(3, 4, 2))[0])
    return names + [name for name in (DUPLICATE, REORDER) if random.random() < INTERFERES]


def _plan(random: Random, seed: int, number: int, voices: Sequence[tuple[str, str]], url: str) -> Plan:
    return Plan(
        name=f"round {seed}, experiment {number}",
        scenario="general",
        eval_mode=experiment_pb2.Experiment.automated,
        models=[
            experiment_pb2.ModelSpec(provider=provider, voice_id=voice)
            for provider, voice in random.sample(voices, random.randint(2, 4))
        ],
        prompts=[f"Round {seed}, experiment {number}, prompt {index}." for index in range(random.randint(2, 4))],
        repeats=random.randint(1, 2),
        webhook_url=url,
        seed=random.randrange(2**32),
    )
