"""Databases of earlier releases: every vote in them counts as before, and listening continues."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.experiments.listening.domain import DEFAULT_LISTENERS_PER_ADDRESS
from services.experiments.listening.store import SqlLinkStore
from services.experiments.results.domain import counted, panel
from services.experiments.verdict import Panel
from services.runtime.db import Database
from services.shared.listening.domain import (
    CandidateAudio,
    InvitationTally,
    ListenerAnswer,
    ListeningTest,
    Pair,
    PairKey,
)
from services.shared.listening.judging import ExclusionReason, Judgement, VoteState
from services.shared.listening.store import SqlListeningStore
from services.shared.listening.vote_store import SqlVoteStore

VERSIONS = Path(__file__).parents[4] / "services" / "experiments" / "migrations"
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


async def upgraded(postgres_url: str, folder: Path, schema: str, newest: str, rows: str) -> Database:
    """Inserts rows before the migration `newest`, and returns the database after all migrations."""
    before = folder / "migrations"
    shutil.copytree(VERSIONS, before)
    (first_new,) = (before / "versions").glob(f"*_{newest}.py")
    for later in (before / "versions").glob("*.py"):
        if later.name >= first_new.name:
            later.unlink()
    old = await Database.connect(postgres_url, schema, migrations=before)
    async with old.transaction() as connection:
        for statement in rows.split(";\n"):
            if statement.strip():
                await connection.exec_driver_sql(statement)
    await old.close()
    return await Database.connect(postgres_url, schema, migrations=VERSIONS)


async def test_earlier_votes_count_and_the_listener_continues(postgres_url: str, tmp_path: Path) -> None:
    database = await upgraded(postgres_url, tmp_path, "old_listening", "panels", OLD_ROWS)
    store, votes = SqlListeningStore(), SqlVoteStore()
    async with database.transaction() as connection:
        link = await SqlLinkStore().get(connection, "lnk_a")
        assert link is not None
        assert link.max_listeners_per_address == DEFAULT_LISTENERS_PER_ADDRESS
        assert await votes.tallies(connection, "exp_a") == {"lnk_a": InvitationTally(2, 1)}
        (vote,) = await votes.of_test(connection, "exp_a")
        assert (vote.state, vote.counts, vote.address, vote.joined_from) == (VoteState.UNKNOWN, True, None, None)
        assert len(counted([vote])) == 1
        assert panel([vote]) == Panel(unknown=1)

        # The listener has neither a session nor an address, and votes again.
        second = next(
            each for each in await store.assignments(connection, "exp_a", "lsn_a") if each.key == PairKey(1, 0, 1)
        )
        await votes.add(connection, second, ListenerAnswer.B, NOON, b"home")
        _, new = await votes.of_test(connection, "exp_a")
        await votes.judge(connection, [Judgement(new, None)], NOON)
        assert [each.state for each in await votes.of_test(connection, "exp_a")] == [
            VoteState.UNKNOWN,
            VoteState.COUNTED,
        ]
    for values in ("('pai_a', 'doubtful', '', now())", "('pai_a', 'excluded', '', now())"):
        statement = f"INSERT INTO listening_vote_states (assignment_id, state, reason, judged_at) VALUES {values}"
        with pytest.raises(IntegrityError):
            await _run(database, statement)
    await database.close()


async def _run(database: Database, statement: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(sa.text(statement))


NEWER_ROWS = f"""
INSERT INTO experiments (id, developer_id, name, scenario, eval_mode, status, models, prompts, webhook_url,
    primary_metric, composite, repeats, seed, votes_per_pair, listening_days, audio_retention_days, cloned_from,
    traceparent, total_trials, completed_trials, failed_trials, error_message, created_at, votes_received, votes_needed,
    listening_until)
  SELECT id, 'dev_a', 'old', 'general', 'human', status, '[]', '["Hi.", "Grüße: 你好"]', '', 'composite_per_prompt',
    '{{}}', 1, 7, 2, 14, 30, '', '', 2, completed, 0, '', '{NOON}', 1, 2, until::timestamptz
  FROM (VALUES ('exp_open', 'running', 2, '{NOON}'), ('exp_retried', 'running', 1, NULL),
    ('exp_ended', 'completed', 2, '{NOON}'), ('exp_waits', 'created', 0, NULL)) AS old (id, status, completed, until);
INSERT INTO trials (id, experiment_id, prompt_index, model_index, repeat_index, position, prompt_text, provider,
    voice_id, model_id, status, attempts, attempts_before, provider_requests, audio_name, audio_deleted_at,
    duration_seconds, error_kind, error_message, created_at)
  SELECT 'trl_' || model || repeat || '_' || e.id, e.id, 1, model, repeat, 0, '', 'espeak', 'en', '', 'completed', 1,
    0, 1, CASE WHEN e.id <> 'exp_ended' THEN 'trl_' || model || repeat || '.wav' END,
    CASE WHEN e.id = 'exp_ended' THEN '{NOON}'::timestamptz END, CASE WHEN repeat = 0 THEN 1.5 END, '', '', '{NOON}'
  FROM experiments e, generate_series(0, 1) model, generate_series(0, 1) repeat WHERE e.id <> 'exp_waits';
INSERT INTO listening_links (id, experiment_id, developer_id, expires_at, created_at, listeners, votes,
    max_listeners_per_address, excluded_votes)
  VALUES ('lnk_a', 'exp_open', 'dev_a', '{NOON}', '{NOON}', 2, 2, 0, 1),
    ('lnk_b', 'exp_waits', 'dev_a', '{NOON}', '{NOON}', 1, 0, 5, 0);
INSERT INTO listening_listeners (id, link_id, experiment_id, created_at, voter_id, address)
  VALUES ('lsn_a', 'lnk_a', 'exp_open', '{NOON}', 'usr_a', 'here'),
    ('lsn_b', 'lnk_a', 'exp_open', '{NOON}', NULL, NULL),
    ('lsn_c', 'lnk_b', 'exp_waits', '{NOON}', NULL, NULL);
INSERT INTO listening_pairs
    (experiment_id, prompt_index, first, second, first_trials, second_trials, target_lufs, votes)
  SELECT id, 1, 0, 1, ARRAY['trl_00_' || id, 'trl_01_' || id], ARRAY['trl_10_' || id], -24.5, 1
  FROM experiments WHERE id <> 'exp_waits';
INSERT INTO listening_assignments (id, experiment_id, listener_id, link_id, prompt_index, first, second, first_trial,
    second_trial, swapped, drawn_from, target_lufs, clip_a, clip_b, a_seconds, b_seconds, shown_at, a_sent_at, a_sent,
    b_sent)
  SELECT 'pai_' || listener, 'exp_open', 'lsn_' || listener, 'lnk_a', 1, 0, 1, 'trl_01_exp_open', 'trl_10_exp_open',
    true, 1, -24.5, listener || '_a.wav', listener || '_b.wav', 1, 1.75, '{NOON}', '{NOON}', '{{[0,9)}}', '{{[2,5)}}'
  FROM (VALUES ('a'), ('b')) AS whose (listener);
INSERT INTO listening_votes
    (assignment_id, experiment_id, listener_id, prompt_index, first, second, swapped, answer, cast_at, address)
  VALUES ('pai_b', 'exp_open', 'lsn_b', 1, 0, 1, true, 'tie', '{NOON}', 'there'),
    ('pai_a', 'exp_open', 'lsn_a', 1, 0, 1, true, 'a', '{NOON}', NULL);
INSERT INTO listening_vote_states (assignment_id, state, reason, judged_at)
  VALUES ('pai_b', 'counted', '', '{NOON}'), ('pai_b', 'excluded', 'one_side', '{NOON}');
"""


async def test_pairs_and_votes_of_experiments_become_listening_tests(postgres_url: str, tmp_path: Path) -> None:
    database = await upgraded(postgres_url, tmp_path, "older_tests", "listening_tests", NEWER_ROWS)
    store, votes = SqlListeningStore(), SqlVoteStore()
    async with database.transaction() as connection:
        tests = [await store.test(connection, f"exp_{name}") for name in ("open", "retried", "ended", "waits")]
        # Only experiments that wait for votes have an open test.
        assert tests == [
            ListeningTest("exp_open", 2, NOON),
            ListeningTest("exp_retried", 2, None),
            ListeningTest("exp_ended", 2, None),
            None,
        ]
        pair = Pair(
            key=PairKey(1, 0, 1),
            text="Grüße: 你好",
            first=[CandidateAudio("trl_00.wav", 1.5), CandidateAudio("trl_01.wav", 0)],
            second=[CandidateAudio("trl_10.wav", 1.5)],
            target_lufs=-24.5,
            votes=1,
        )
        assert await store.pairs(connection, "exp_open") == [pair]
        (silent,) = await store.pairs(connection, "exp_ended")
        assert (silent.first, silent.second, silent.votes) == ([], [], 1)

        listener = await store.listener(connection, "exp_open", "lsn_a")
        assert listener is not None
        assert (listener.invitation_id, listener.max_listeners_per_address) == ("lnk_a", 0)
        assert (listener.voter_id, listener.address) == ("usr_a", b"here")
        assert await store.listener(connection, "exp_waits", "lsn_c") is not None
        (given,) = await store.assignments(connection, "exp_open", "lsn_a")
        assert (given.first_audio, given.second_audio, given.answer) == ("trl_01.wav", "trl_10.wav", ListenerAnswer.A)
        assert (given.a_sent_at, given.b_sent_at, given.seconds) == (NOON, None, 2.75)

        tie, other = await votes.of_test(connection, "exp_open")
        assert (tie.listener_id, tie.answer, tie.state, tie.exclusion_reason) == (
            "lsn_b",
            ListenerAnswer.TIE,
            VoteState.EXCLUDED,
            ExclusionReason.ONE_SIDE,
        )
        assert (tie.supervised, tie.address, other.joined_from) == (True, b"there", b"here")
        assert await votes.tallies(connection, "exp_open") == {"lnk_a": InvitationTally(2, 2, 1)}

        # A new state comes after the existing ones.
        await votes.judge(connection, [Judgement(tie, None)], NOON + timedelta(minutes=1))
        assert [vote.counts for vote in await votes.of_test(connection, "exp_open")] == [True, True]
        numbers = await connection.execute(sa.text("SELECT seq FROM listening_vote_states ORDER BY seq"))
        assert list(numbers.scalars()) == [1, 2, 3]
    await database.close()
