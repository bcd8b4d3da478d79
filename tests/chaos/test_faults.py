"""Faults of a process during an experiment: the experiment still completes, with every trial exactly once."""

from __future__ import annotations

import asyncio
import signal

import psycopg
import pytest
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2

from deploy.local.mesh import Mesh
from tests.chaos.conftest import VOICES
from tests.chaos.faults import PROCESSES
from tests.chaos.retrying_client import RetryingClient

PROMPTS = 5
TRIALS = PROMPTS * len(VOICES)
# The number of ended trials at which the fault is injected.
TRIALS_BEFORE_FAULT = 4
END_SECONDS = 90.0


def plan(name: str) -> experiment_service_pb2.CreateExperimentRequest:
    return experiment_service_pb2.CreateExperimentRequest(
        name=name,
        scenario="general",
        eval_mode=experiment_pb2.Experiment.automated,
        models=[experiment_pb2.ModelSpec(provider="standin", voice_id=voice) for voice in VOICES],
        prompts=[f"Prompt number {number} of an experiment with faults." for number in range(PROMPTS)],
    )


async def check_complete(mesh: Mesh, client: RetryingClient, experiment_id: str) -> None:
    """Checks that each trial has one result, one evaluation and one recording, and that the experiment ended once."""
    async with asyncio.timeout(END_SECONDS):
        experiment = await client.wait_for_end(experiment_id)
    assert experiment_pb2.Experiment.Status.Name(experiment.status) == "completed"
    assert (experiment.completed_trials, experiment.failed_trials) == (TRIALS, 0)
    await mesh.wait_serving()
    trials = await client.trials(experiment_id)
    keys = {(trial.prompt_index, trial.voice_id) for trial in trials}
    assert len(trials) == len(keys) == TRIALS
    assert {experiment_pb2.Trial.Status.Name(trial.status) for trial in trials} == {"completed"}
    audio = mesh.data_dir.path / "audio"
    assert all((audio / f"{trial.id}.wav").stat().st_size > 44 for trial in trials)
    ids = [trial.id for trial in trials]
    async with await psycopg.AsyncConnection.connect(mesh.database_url) as connection:
        evaluated = await connection.execute(
            "SELECT count(*), count(DISTINCT id) FROM scoring.evaluations WHERE id = ANY(%s)", (ids,)
        )
        assert await evaluated.fetchone() == (TRIALS, TRIALS)
        ended = await connection.execute(
            "SELECT count(*) FROM chaos.events WHERE subject LIKE '%%experiment_completed'"
            " AND position(%s::bytea in envelope) > 0",
            (experiment_id.encode(),),
        )
        assert await ended.fetchone() == (1,)


@pytest.mark.parametrize("name", PROCESSES)
async def test_an_experiment_completes_when_a_process_is_killed(mesh: Mesh, client: RetryingClient, name: str) -> None:
    experiment = await client.run(plan(f"kill {name}"))
    await client.wait_for_trials(experiment.id, TRIALS_BEFORE_FAULT)
    await mesh.kill(name, signal.SIGKILL)
    await mesh.wait_restarted(name)
    await check_complete(mesh, client, experiment.id)


async def test_an_experiment_completes_when_the_bus_loses_all_events(mesh: Mesh, client: RetryingClient) -> None:
    experiment = await client.run(plan("wipe nats"))
    await client.wait_for_trials(experiment.id, TRIALS_BEFORE_FAULT)
    await mesh.wipe_nats()
    await check_complete(mesh, client, experiment.id)
    # A further experiment works as before.
    after = await client.run(plan("after the wipe"))
    await check_complete(mesh, client, after.id)


async def test_an_experiment_completes_once_when_scoring_is_paused_and_its_requests_are_repeated(
    mesh: Mesh, client: RetryingClient
) -> None:
    experiment = await client.run(plan("pause scoring"))
    await client.wait_for_trials(experiment.id, TRIALS_BEFORE_FAULT)
    await mesh.kill("scoring", signal.SIGSTOP)
    try:
        # The reconciler repeats requests that the paused scoring has not answered.
        async with asyncio.timeout(END_SECONDS):
            await _wait_for_repeated_request(mesh, experiment.id)
    finally:
        await mesh.kill("scoring", signal.SIGCONT)
    await check_complete(mesh, client, experiment.id)


async def _wait_for_repeated_request(mesh: Mesh, experiment_id: str) -> None:
    """Waits until the reconciler has repeated a request for a trial of the experiment."""
    async with await psycopg.AsyncConnection.connect(mesh.database_url, autocommit=True) as connection:
        await connection.execute("LISTEN experiments_changed")
        while True:
            rows = await connection.execute(
                "SELECT 1 FROM experiments.trials WHERE experiment_id = %s AND attempts > 1 LIMIT 1", (experiment_id,)
            )
            if await rows.fetchone():
                return
            async for _ in connection.notifies(timeout=1.0, stop_after=1):
                break
