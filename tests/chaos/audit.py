"""Checks the database and the audio store after a round of faults: nothing is lost, doubled or left over."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from deploy.local.mesh import Mesh

_REQUEST_RECORD = re.compile(r"(?P<job>(trl|rnd)_[0-9a-f]{32})-try-\d+\.json")
SPEECH = "speech"
ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class ExpectedExperiment:
    """An experiment of a round, and the number of trials that it must have."""

    id: str
    trials: int


@dataclass
class Audit:
    """The counts after a round. `errors` has a sentence for each thing that is wrong."""

    errors: list[str] = field(default_factory=list)
    experiments: dict[str, str] = field(default_factory=dict)
    """The status of each experiment."""
    trials: dict[str, int] = field(default_factory=dict)
    """The number of trials by status."""
    evaluations: dict[str, str] = field(default_factory=dict)
    """The status of each evaluation of a recording."""
    battles: Counter[str] = field(default_factory=Counter)
    """The number of battles of the mesh by status."""
    votes: int = 0
    """The number of accepted votes of people."""
    recorded: Counter[str] = field(default_factory=Counter)
    """The recorded requests for speech of this round's trials, by text, without warm-ups."""

    def expect(self, condition: bool, error: str) -> None:
        """Adds the error unless the condition is true."""
        if not condition:
            self.errors.append(error)


async def audit_round(mesh: Mesh, planned: Sequence[ExpectedExperiment], evaluations: Sequence[str] = ()) -> Audit:
    """Returns the audit of a round. All its experiments and evaluations of recordings must have ended."""
    audit = Audit()
    async with await psycopg.AsyncConnection.connect(mesh.database_url) as connection:
        for one in planned:
            await _experiment(connection, one, audit)
        for evaluation_id in evaluations:
            await _evaluation(connection, evaluation_id, audit)
        await _audio(connection, mesh.data_dir.path / "audio", {one.id for one in planned}, audit)
    return audit


async def audit_evaluations(mesh: Mesh, evaluations: Sequence[str]) -> Audit:
    """Returns the audit of evaluations of recordings, which must have ended."""
    audit = Audit()
    async with await psycopg.AsyncConnection.connect(mesh.database_url) as connection:
        for evaluation_id in evaluations:
            await _evaluation(connection, evaluation_id, audit)
    return audit


async def _experiment(
    connection: psycopg.AsyncConnection[tuple[object, ...]], planned: ExpectedExperiment, audit: Audit
) -> None:
    cursor = await connection.execute(
        "SELECT status, total_trials, completed_trials, failed_trials, results IS NOT NULL"
        " FROM experiments.experiments WHERE id = %s",
        (planned.id,),
    )
    row = await cursor.fetchone()
    if row is None:
        audit.expect(False, f"{planned.id} is missing")
        return
    status, total, completed, failed, has_results = str(row[0]), row[1], row[2], row[3], row[4]
    audit.experiments[planned.id] = status
    audit.expect(status in ENDED, f"{planned.id} is {status}")
    audit.expect(total == planned.trials, f"{planned.id} plans {total} trials, expected {planned.trials}")
    audit.expect(has_results is (status == "completed"), f"{planned.id} is {status}, has results: {has_results}")
    cursor = await connection.execute(
        "SELECT t.id, t.status, t.prompt_index, t.model_index, t.repeat_index, t.audio_name IS NOT NULL,"
        " t.silence_ratio IS NOT NULL, (SELECT count(*) FROM scoring.evaluations e WHERE e.id = t.id)"
        " FROM experiments.trials t WHERE t.experiment_id = %s",
        (planned.id,),
    )
    trials = await cursor.fetchall()
    audit.expect(
        len(trials) == len({trial[2:5] for trial in trials}) == planned.trials,
        f"{planned.id} has {len(trials)} trials with {len({trial[2:5] for trial in trials})} different keys",
    )
    for trial_id, trial_status, _, _, _, has_audio, has_signal, evaluations in trials:
        audit.trials[str(trial_status)] = audit.trials.get(str(trial_status), 0) + 1
        audit.expect(trial_status in ENDED, f"{trial_id} is {trial_status}")
        if trial_status == "completed":
            audit.expect(bool(has_audio and has_signal), f"{trial_id} is completed, but lacks audio or measurements")
            audit.expect(evaluations == 1, f"{trial_id} has {evaluations} evaluations")
    if status == "completed":
        statuses = [trial[1] for trial in trials]
        audit.expect(
            (statuses.count("completed"), statuses.count("failed")) == (completed, failed),
            f"{planned.id} counts {completed} completed and {failed} failed trials, but has {statuses}",
        )
    cursor = await connection.execute(
        "SELECT count(*) FROM chaos.events WHERE subject ~ 'experiment_(completed|failed|cancelled)$'"
        " AND position(%s::bytea in envelope) > 0",
        (planned.id.encode(),),
    )
    count = await cursor.fetchone()
    audit.expect(count == (1,), f"{planned.id} ended {count and count[0]} times")


async def _evaluation(
    connection: psycopg.AsyncConnection[tuple[object, ...]], evaluation_id: str, audit: Audit
) -> None:
    cursor = await connection.execute(
        "SELECT status, error_message, jsonb_array_length(steps), 1 + jsonb_array_length(conditions),"
        " (SELECT count(*) FROM scoring.evaluation_steps s WHERE s.evaluation_id = e.id),"
        " (SELECT count(*) FROM scoring.evaluation_steps s WHERE s.evaluation_id = e.id"
        "  AND s.status IN ('pending', 'started')),"
        " (SELECT count(*) FROM scoring.evaluation_steps s WHERE s.evaluation_id = e.id"
        "  AND s.status IN ('skipped', 'failed') AND s.reason = ''),"
        " (SELECT count(*) FROM chaos.events WHERE subject ~ 'recording_evaluat(ed|ion_failed)$'"
        "  AND position(convert_to(e.id, 'UTF8') in envelope) > 0)"
        " FROM scoring.evaluations e WHERE id = %s",
        (evaluation_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        audit.expect(False, f"{evaluation_id} is missing")
        return
    status, message, steps, versions, stored, unended, unexplained, ends = row
    audit.evaluations[evaluation_id] = str(status)
    audit.expect(status in ("completed", "failed"), f"{evaluation_id} is {status}")
    audit.expect((status == "failed") is bool(message), f"{evaluation_id} is {status} with the message {message!r}")
    audit.expect(stored == int(str(steps)) * int(str(versions)), f"{evaluation_id} has {stored} steps")
    audit.expect((unended, unexplained) == (0, 0), f"{evaluation_id}: {unended} steps go on, {unexplained} say nothing")
    audit.expect(ends == 1, f"{evaluation_id} ended {ends} times")


async def recordings_in_battles(mesh: Mesh, evaluations: Sequence[str], audit: Audit) -> None:
    """Expects one render of each of these evaluations of recorded models that are completed, and none of the others."""
    async with await psycopg.AsyncConnection.connect(mesh.database_url) as connection:
        for evaluation_id in evaluations:
            cursor = await connection.execute(
                "SELECT count(*) FROM elo.renders WHERE evaluation_id = %s AND status = 'completed'", (evaluation_id,)
            )
            expected = (int(audit.evaluations.get(evaluation_id) == "completed"),)
            found = await cursor.fetchone()
            audit.expect(found == expected, f"{evaluation_id} has {found} renders, expected {expected}")


async def _audio(
    connection: psycopg.AsyncConnection[tuple[object, ...]], folder: Path, experiments: set[str], audit: Audit
) -> None:
    cursor = await connection.execute(
        "SELECT id, experiment_id, prompt_text FROM experiments.trials UNION ALL SELECT id, '', text FROM elo.renders"
        # The spoiled sides of battles that test their voters.
        " UNION ALL SELECT replace(side ->> 'audio_name', '.wav', ''), '', ''"
        " FROM elo.listening_pairs, jsonb_array_elements(first_speech || second_speech) side"
        " WHERE side ->> 'audio_name' LIKE 'spoiled%'"
    )
    owners = {
        str(trial_id): (str(experiment_id), str(text)) for trial_id, experiment_id, text in await cursor.fetchall()
    }
    cursor = await connection.execute(
        "SELECT audio_name FROM scoring.evaluations WHERE uploaded UNION SELECT name FROM scoring.unused_recordings"
    )
    recordings = {str(name) for (name,) in await cursor.fetchall()}
    cursor = await connection.execute("SELECT audio_name FROM elo.renders WHERE status = 'completed'")
    for (name,) in await cursor.fetchall():
        audit.expect((folder / str(name)).exists(), f"{name} of a completed render is missing")
    for file in folder.iterdir():  # noqa: ASYNC240 - a small local folder
        if file.suffix == ".audio" or file.name.startswith("evl_"):
            audit.expect(file.name in recordings, f"{file.name} belongs to no evaluation")
            continue
        record = _REQUEST_RECORD.fullmatch(file.name)
        job = record["job"] if record else file.stem
        audit.expect(job in owners, f"{file.name} belongs to no trial, render and battle")
        experiment_id, text = owners.get(job, ("", ""))
        if record and experiment_id in experiments and json.loads(file.read_bytes())["purpose"] == SPEECH:
            audit.recorded[text] += 1
