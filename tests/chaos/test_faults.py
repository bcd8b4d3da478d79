"""Whatever happens to a process in mid-experiment, the experiment completes with every trial exactly once."""

from __future__ import annotations

import asyncio
import signal

import psycopg
import pytest
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2

from deploy.local.mesh import Mesh
from tests.chaos.conftest import VOICES
from tests.chaos.faults import PROCESSES
from tests.chaos.watching import Follower

PROMPTS = 5
TRIALS = PROMPTS * len(VOICES)
# Trials that have ended when the fault comes.
BEFORE_FAULT = 4
END_SECONDS = 90.0


def plan(name: str) -> experiment_service_pb2.CreateExperimentRequest:
    return experiment_service_pb2.CreateExperimentRequest(
        name=name,
        scenario="general",
        eval_mode=experiment_pb2.Experiment.automated,
        models=[experiment_pb2.ModelSpec(provider="standin", voice_id=voice) for voice in VOICES],
        prompts=[f"Prompt number {number} of an experiment with faults." for number in range(PROMPTS)],
    )


async def check_complete(mesh: Mesh, follower: Follower, experiment_id: str) -> None:
    """Every trial has one result, one evaluation and one recording, and the experiment has ended once."""
    async with asyncio.timeout(END_SECONDS):
        experiment = await follower.end(experiment_id)
    assert experiment_pb2.Experiment.Status.Name(experiment.status) == "completed"
    assert (experiment.completed_trials, experiment.failed_trials) == (TRIALS, 0)
    await mesh.wait_serving()
    trials = await follower.trials(experiment_id)
    places = {(trial.prompt_index, trial.voice_id) for trial in trials}
    assert len(trials) == len(places) == TRIALS
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
async def test_an_experiment_completes_though_a_process_is_killed(mesh: Mesh, follower: Follower, name: str) -> None:
    experiment = await follower.run(plan(f"kill {name}"))
    await follower.reaches(experiment.id, BEFORE_FAULT)
    await mesh.kill(name, signal.SIGKILL)
    await mesh.wait_restarted(name)
    await check_complete(mesh, follower, experiment.id)


async def test_an_experiment_completes_though_the_bus_forgets_everything(mesh: Mesh, follower: Follower) -> None:
    experiment = await follower.run(plan("wipe nats"))
    await follower.reaches(experiment.id, BEFORE_FAULT)
    await mesh.wipe_nats()
    await check_complete(mesh, follower, experiment.id)
    # What comes after the fault flows as before.
    after = await follower.run(plan("after the wipe"))
    await check_complete(mesh, follower, after.id)


async def test_an_experiment_completes_once_though_scoring_stood_still_and_was_asked_again(
    mesh: Mesh, follower: Follower
) -> None:
    experiment = await follower.run(plan("pause scoring"))
    await follower.reaches(experiment.id, BEFORE_FAULT)
    await mesh.kill("scoring", signal.SIGSTOP)
    try:
        # Speech goes on while scoring stands still: what it has in hand is asked for again.
        async with asyncio.timeout(END_SECONDS):
            await _asked_again(mesh, experiment.id)
    finally:
        await mesh.kill("scoring", signal.SIGCONT)
    await check_complete(mesh, follower, experiment.id)


async def _asked_again(mesh: Mesh, experiment_id: str) -> None:
    """Waits until the reconciler has asked again for a trial of the experiment."""
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
