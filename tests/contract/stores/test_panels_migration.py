"""A database of the release before votes were judged: everything in it counts as it did, and listening goes on."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.experiments.listening.domain import DEFAULT_LISTENERS_PER_ADDRESS, ListenerAnswer, PairKey
from services.experiments.listening.judging import Judgement, VoteState
from services.experiments.listening.panels import counted, panel
from services.experiments.listening.store import SqlListeningStore
from services.experiments.verdict import Panel
from services.runtime.db import Database

VERSIONS = Path(__file__).parents[3] / "services" / "experiments" / "migrations"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLD_ROWS = f"""
INSERT INTO experiments (id, developer_id, name, scenario, eval_mode, status, models, prompts, webhook_url,
    primary_metric, composite, repeats, seed, votes_per_pair, listening_days, audio_retention_days, cloned_from,
    traceparent, total_trials, completed_trials, failed_trials, error_message, created_at, votes_received, votes_needed)
  VALUES ('exp_a', 'dev_a', 'old', 'general', 'human', 'running', '[]', '["Hi.", " hi."]', '',
    'composite_per_prompt', '{{}}', 1, 7, 3, 14, 30, '', '', 4, 4, 0, '', '{NOON}', 1, 6);
INSERT INTO listening_links (id, experiment_id, developer_id, expires_at, created_at, listeners, votes)
  VALUES ('lnk_a', 'exp_a', 'dev_a', '{NOON}', '{NOON}', 2, 1);
INSERT INTO listening_listeners (id, link_id, experiment_id, created_at)
  VALUES ('lsn_a', 'lnk_a', 'exp_a', '{NOON}'), ('lsn_b', 'lnk_a', 'exp_a', '{NOON}');
INSERT INTO listening_pairs
    (experiment_id, prompt_index, first, second, first_trials, second_trials, target_lufs, votes)
  VALUES ('exp_a', 0, 0, 1, '{{trl_a}}', '{{trl_b}}', -23, 1), ('exp_a', 1, 0, 1, '{{trl_c}}', '{{trl_d}}', -23, 0);
INSERT INTO listening_assignments (id, experiment_id, listener_id, link_id, prompt_index, first, second, first_trial,
    second_trial, swapped, drawn_from, target_lufs, clip_a, clip_b, a_seconds, b_seconds, shown_at)
  VALUES
    ('pai_a', 'exp_a', 'lsn_a', 'lnk_a', 0, 0, 1, 'trl_a', 'trl_b', false, 1, -23, 'a', 'b', 1, 1, '{NOON}'),
    ('pai_b', 'exp_a', 'lsn_a', 'lnk_a', 1, 0, 1, 'trl_c', 'trl_d', false, 1, -23, 'c', 'd', 1, 1, '{NOON}');
INSERT INTO listening_votes
    (assignment_id, experiment_id, listener_id, prompt_index, first, second, swapped, answer, cast_at)
  VALUES ('pai_a', 'exp_a', 'lsn_a', 0, 0, 1, false, 'a', '{NOON}');
"""


async def test_votes_of_before_count_and_the_listener_goes_on(postgres_url: str, tmp_path: Path) -> None:
    before = tmp_path / "migrations"
    shutil.copytree(VERSIONS, before)
    (newest,) = (before / "versions").glob("*_panels.py")
    for later in (before / "versions").glob("*.py"):
        if later.name >= newest.name:
            later.unlink()
    old = await Database.connect(postgres_url, "old_listening", migrations=before)
    async with old.transaction() as connection:
        for statement in OLD_ROWS.split(";\n"):
            if statement.strip():
                await connection.exec_driver_sql(statement)
    await old.close()

    database = await Database.connect(postgres_url, "old_listening", migrations=VERSIONS)
    store = SqlListeningStore()
    async with database.transaction() as connection:
        link = await store.link(connection, "lnk_a")
        assert link is not None
        assert (link.max_listeners_per_address, link.excluded_votes) == (DEFAULT_LISTENERS_PER_ADDRESS, 0)
        (vote,) = await store.cast(connection, "exp_a")
        assert (vote.state, vote.counts, vote.address, vote.joined_from) == (VoteState.UNKNOWN, True, None, None)
        assert len(counted([vote])) == 1
        assert panel([vote]) == Panel(unknown=1)

        # The listener has neither session nor address, and goes on.
        second = next(each for each in await store.assignments(connection, "lsn_a") if each.key == PairKey(1, 0, 1))
        await store.add_vote(connection, second, ListenerAnswer.B, NOON, b"home")
        _, new = await store.cast(connection, "exp_a", "lsn_a")
        await store.judge(connection, [Judgement(new, None)], NOON)
        assert [each.state for each in await store.cast(connection, "exp_a")] == [VoteState.UNKNOWN, VoteState.COUNTED]
    for values in ("('pai_a', 'doubtful', '', now())", "('pai_a', 'excluded', '', now())"):
        statement = f"INSERT INTO listening_vote_states (assignment_id, state, reason, judged_at) VALUES {values}"
        with pytest.raises(IntegrityError):
            await _run(database, statement)
    await database.close()


async def _run(database: Database, statement: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(sa.text(statement))
