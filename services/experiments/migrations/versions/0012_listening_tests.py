"""Moves listening tests to their own tables, which do not know experiments."""

from alembic import op

from services.shared.listening.migration import create_listening_tables

revision = "0012"
down_revision = "0011"

OLD_TABLES = [f"listening_{name}" for name in ("vote_states", "votes", "assignments", "pairs", "listeners")]
# The columns are in the order of the new tables.
# A test is open while its experiment waits for votes. It is closed after a retry and after the experiment has ended.
COPY = """
INSERT INTO listening_tests SELECT id, votes_per_pair,
    CASE WHEN status = 'running' AND completed_trials + failed_trials = total_trials THEN listening_until END
FROM experiments WHERE id IN (SELECT experiment_id FROM old_listening_pairs);
INSERT INTO listening_pairs SELECT pair.experiment_id, pair.prompt_index, pair.first, pair.second,
    experiment.prompts ->> pair.prompt_index, speech_of(pair.first_trials), speech_of(pair.second_trials),
    pair.target_lufs, pair.votes
FROM old_listening_pairs pair JOIN experiments experiment ON experiment.id = pair.experiment_id;
INSERT INTO listening_listeners SELECT listener.experiment_id, listener.id, listener.link_id,
    link.max_listeners_per_address, listener.created_at, listener.voter_id, listener.address
FROM old_listening_listeners listener JOIN listening_links link ON link.id = listener.link_id;
INSERT INTO listening_assignments SELECT given.id, given.experiment_id, given.listener_id, given.prompt_index,
    given.first, given.second, one.audio_name, other.audio_name, given.swapped, given.drawn_from, given.target_lufs,
    given.clip_a, given.clip_b, given.a_seconds, given.b_seconds, given.shown_at, given.a_sent_at, given.b_sent_at,
    given.a_sent, given.b_sent
FROM old_listening_assignments given
    LEFT JOIN trials one ON one.id = given.first_trial AND one.audio_deleted_at IS NULL
    LEFT JOIN trials other ON other.id = given.second_trial AND other.audio_deleted_at IS NULL;
INSERT INTO listening_votes OVERRIDING SYSTEM VALUE
SELECT assignment_id, seq, experiment_id, listener_id, prompt_index, first, second, swapped, answer, cast_at, address
FROM old_listening_votes;
INSERT INTO listening_vote_states OVERRIDING SYSTEM VALUE
SELECT seq, assignment_id, state, reason, judged_at FROM old_listening_vote_states
"""
# Returns the audio of trials as JSON, in the order of their repeats.
SPEECH_OF = """
CREATE FUNCTION pg_temp.speech_of(ids text[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        jsonb_agg(
            jsonb_build_object('audio_name', audio_name, 'seconds', coalesce(duration_seconds, 0)) ORDER BY repeat_index
        ),
        '[]'
    )
    FROM trials WHERE id = ANY (ids) AND audio_name IS NOT NULL AND audio_deleted_at IS NULL
$$
"""


# Copied rows keep their numbers. The sequences continue after them.
CONTINUE_SEQUENCES = """
SELECT setval(pg_get_serial_sequence('listening_votes', 'seq'), max(seq)) FROM listening_votes HAVING count(*) > 0;
SELECT setval(pg_get_serial_sequence('listening_vote_states', 'seq'), max(seq)) FROM listening_vote_states
    HAVING count(*) > 0
"""


def upgrade() -> None:
    """Moves pairs, assignments and votes to the tables that listening tests of every service have.

    Pairs and assignments get the names of their audio. Votes keep their order. The counts of a link are computed when
    they are read.
    """
    for table in OLD_TABLES:
        op.execute(f"CREATE TEMPORARY TABLE old_{table} ON COMMIT DROP AS TABLE {table}")
    op.execute(f"DROP TABLE {', '.join(OLD_TABLES)}")
    op.execute("DROP FUNCTION listening_votes_stay(), listening_vote_states_stay()")
    create_listening_tables()
    op.execute(SPEECH_OF)
    for statement in f"{COPY};\n{CONTINUE_SEQUENCES}".replace("speech_of", "pg_temp.speech_of").split(";\n"):
        op.execute(statement)
    for column in ("listeners", "votes", "excluded_votes"):
        op.drop_column("listening_links", column)
    op.drop_index("experiments_listening", "experiments")
