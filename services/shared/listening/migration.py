"""Creates the tables of listening tests in the schema of a service."""

from alembic import op

_KEY = "text_index integer NOT NULL, first integer NOT NULL, second integer NOT NULL"
_TABLES = f"""
CREATE TABLE listening_tests (id text PRIMARY KEY, votes_per_pair integer NOT NULL, closes_at timestamptz);
CREATE INDEX listening_tests_open ON listening_tests (closes_at) WHERE closes_at IS NOT NULL;
CREATE TABLE listening_pairs (
    test_id text NOT NULL REFERENCES listening_tests ON DELETE CASCADE, {_KEY},
    text text NOT NULL, first_speech jsonb NOT NULL, second_speech jsonb NOT NULL,
    target_lufs double precision NOT NULL, votes integer NOT NULL,
    CONSTRAINT listening_pairs_pkey PRIMARY KEY (test_id, text_index, first, second)
);
CREATE TABLE listening_listeners (
    test_id text NOT NULL, id text NOT NULL,
    invitation_id text NOT NULL, max_listeners_per_address integer NOT NULL,
    created_at timestamptz NOT NULL, voter_id text, address bytea,
    PRIMARY KEY (test_id, id)
);
CREATE UNIQUE INDEX listening_listeners_of_session ON listening_listeners (test_id, invitation_id, voter_id);
CREATE INDEX listening_listeners_of_voter ON listening_listeners (test_id, voter_id);
CREATE TABLE listening_assignments (
    id text PRIMARY KEY, test_id text NOT NULL, listener_id text NOT NULL, {_KEY},
    first_audio text, second_audio text, swapped boolean NOT NULL, drawn_from integer NOT NULL,
    target_lufs double precision NOT NULL, clip_a text NOT NULL UNIQUE, clip_b text NOT NULL UNIQUE,
    a_seconds double precision NOT NULL, b_seconds double precision NOT NULL,
    shown_at timestamptz NOT NULL, a_sent_at timestamptz, b_sent_at timestamptz,
    a_sent int4multirange NOT NULL DEFAULT '{{}}', b_sent int4multirange NOT NULL DEFAULT '{{}}',
    FOREIGN KEY (test_id, listener_id) REFERENCES listening_listeners ON DELETE CASCADE,
    CONSTRAINT listening_assignments_pair UNIQUE (test_id, listener_id, text_index, first, second)
);
CREATE INDEX listening_assignments_shown ON listening_assignments (test_id, shown_at);
CREATE TABLE listening_votes (
    assignment_id text PRIMARY KEY REFERENCES listening_assignments ON DELETE CASCADE,
    seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY, test_id text NOT NULL, listener_id text NOT NULL, {_KEY},
    swapped boolean NOT NULL, answer text NOT NULL, cast_at timestamptz NOT NULL, address bytea,
    CONSTRAINT listening_votes_pair UNIQUE (test_id, listener_id, text_index, first, second)
);
CREATE INDEX listening_votes_in_order ON listening_votes (test_id, seq);
CREATE TABLE listening_vote_states (
    seq bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    assignment_id text NOT NULL REFERENCES listening_votes ON DELETE CASCADE,
    state text NOT NULL, reason text NOT NULL, judged_at timestamptz NOT NULL,
    CONSTRAINT listening_vote_states_state CHECK (state IN ('counted', 'excluded', 'unknown')),
    CONSTRAINT listening_vote_states_reason CHECK ((state = 'excluded') = (reason <> ''))
);
CREATE INDEX listening_vote_states_of_vote ON listening_vote_states (assignment_id, seq)
"""
# A listener of several tests is judged by their votes in all of them.
_INDEXES_ACROSS_TESTS = """
CREATE INDEX listening_votes_of_listener ON listening_votes (listener_id, seq);
CREATE INDEX listening_votes_at_address ON listening_votes (address, cast_at) WHERE address IS NOT NULL;
CREATE INDEX listening_listeners_by_id ON listening_listeners (id, created_at);
CREATE INDEX listening_listeners_at_address ON listening_listeners (address, created_at) WHERE address IS NOT NULL
"""
# Rows of these tables are inserted, and deleted with their test, but never updated. A later judgement is another row.
_NEVER_CHANGED = {
    "listening_votes": "votes are not changed",
    "listening_vote_states": "states of votes are not changed, only added",
}


def create_listening_tables() -> None:
    """Creates the tables. One migration of each service with listening tests must call this."""
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
    for table, error in _NEVER_CHANGED.items():
        op.execute(
            f"""
            CREATE FUNCTION {table}_stay() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '{error}'; END $$
            """
        )
        op.execute(f"CREATE TRIGGER {table}_stay BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_stay()")


def index_votes_across_tests() -> None:
    """Adds the indexes by which the votes of a listener, and those of an address, are found in all tests."""
    for statement in _INDEXES_ACROSS_TESTS.split(";\n"):
        op.execute(statement)
