"""What must add up after a round of faults, read from the database, the audio store, the providers and the receiver."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from deploy.local.mesh import Mesh

_TRY = re.compile(r"(?P<job>trl_[0-9a-f]{32})-try-\d+\.json")
SPEECH = "speech"
ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Planned:
    """An experiment of a round: how many trials it has to have."""

    id: str
    trials: int


@dataclass
class Account:
    """What was counted after a round. `wrong` are sentences, one for each thing that does not add up."""

    wrong: list[str] = field(default_factory=list)
    experiments: dict[str, str] = field(default_factory=dict)
    """The status of each experiment."""
    trials: dict[str, int] = field(default_factory=dict)
    """How many trials have each status."""
    recorded: Counter[str] = field(default_factory=Counter)
    """Requests for speech, by text, that the audio store has a record of; of this round's trials, without warm-ups."""

    def expect(self, holds: bool, otherwise: str) -> None:
        """Notes what is wrong unless it holds."""
        if not holds:
            self.wrong.append(otherwise)


async def draw_up(mesh: Mesh, planned: Sequence[Planned]) -> Account:
    """Returns the account of a round whose experiments have ended."""
    account = Account()
    async with await psycopg.AsyncConnection.connect(mesh.database_url) as connection:
        for one in planned:
            await _experiment(connection, one, account)
        await _audio(connection, mesh.data_dir.path / "audio", {one.id for one in planned}, account)
    return account


async def _experiment(
    connection: psycopg.AsyncConnection[tuple[object, ...]], planned: Planned, account: Account
) -> None:
    cursor = await connection.execute(
        "SELECT status, total_trials, completed_trials, failed_trials, results IS NOT NULL"
        " FROM experiments.experiments WHERE id = %s",
        (planned.id,),
    )
    row = await cursor.fetchone()
    if row is None:
        account.expect(False, f"{planned.id} is not there")
        return
    status, total, completed, failed, has_results = str(row[0]), row[1], row[2], row[3], row[4]
    account.experiments[planned.id] = status
    account.expect(status in ENDED, f"{planned.id} is {status}")
    account.expect(total == planned.trials, f"{planned.id} has {total} trials to make, not {planned.trials}")
    account.expect(has_results is (status == "completed"), f"{planned.id} is {status}, has results: {has_results}")
    cursor = await connection.execute(
        "SELECT t.id, t.status, t.prompt_index, t.model_index, t.repeat_index, t.audio_name IS NOT NULL,"
        " t.silence_ratio IS NOT NULL, (SELECT count(*) FROM scoring.evaluations e WHERE e.id = t.id)"
        " FROM experiments.trials t WHERE t.experiment_id = %s",
        (planned.id,),
    )
    trials = await cursor.fetchall()
    account.expect(
        len(trials) == len({trial[2:5] for trial in trials}) == planned.trials,
        f"{planned.id} has {len(trials)} trials in {len({trial[2:5] for trial in trials})} places",
    )
    for trial_id, trial_status, _, _, _, has_audio, has_signal, evaluations in trials:
        account.trials[str(trial_status)] = account.trials.get(str(trial_status), 0) + 1
        account.expect(trial_status in ENDED, f"{trial_id} is {trial_status}")
        if trial_status == "completed":
            account.expect(bool(has_audio and has_signal), f"{trial_id} is completed without all of its measurements")
            account.expect(evaluations == 1, f"{trial_id} has {evaluations} evaluations")
    if status == "completed":
        statuses = [trial[1] for trial in trials]
        account.expect(
            (statuses.count("completed"), statuses.count("failed")) == (completed, failed),
            f"{planned.id} counts {completed} completed and {failed} failed of {statuses}",
        )
    cursor = await connection.execute(
        "SELECT count(*) FROM chaos.events WHERE subject ~ 'experiment_(completed|failed|cancelled)$'"
        " AND position(%s::bytea in envelope) > 0",
        (planned.id.encode(),),
    )
    ends = await cursor.fetchone()
    account.expect(ends == (1,), f"{planned.id} has ended {ends and ends[0]} times")


async def _audio(
    connection: psycopg.AsyncConnection[tuple[object, ...]], folder: Path, experiments: set[str], account: Account
) -> None:
    cursor = await connection.execute("SELECT id, experiment_id, prompt_text FROM experiments.trials")
    owners = {
        str(trial_id): (str(experiment_id), str(text)) for trial_id, experiment_id, text in await cursor.fetchall()
    }
    for file in folder.iterdir():  # noqa: ASYNC240 - a small local folder
        tried = _TRY.fullmatch(file.name)
        job = tried["job"] if tried else file.stem
        account.expect(job in owners, f"{file.name} belongs to no trial")
        experiment_id, text = owners.get(job, ("", ""))
        if tried and experiment_id in experiments and json.loads(file.read_bytes())["purpose"] == SPEECH:
            account.recorded[text] += 1
