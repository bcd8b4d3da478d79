"""Scenarios, renders, battles, votes, live ratings and published boards."""

from alembic import op

from services.shared.listening.migration import create_listening_tables, index_votes_across_tests

revision = "0006"
down_revision = "0005"

# The measurements of a render are those of `services.shared.metrics.Measurements` at the time of this migration.
_STATEMENTS = """
ALTER TABLE voice_models
    ADD kind text NOT NULL DEFAULT 'tts', ADD visibility text NOT NULL DEFAULT 'public',
    ADD arena boolean NOT NULL DEFAULT false, ADD approved_at timestamptz, ADD first_battle_at timestamptz,
    ADD cost_per_1000_characters double precision,
    DROP rating, DROP CONSTRAINT voice_models_same;
CREATE UNIQUE INDEX voice_models_same ON voice_models (developer_id, provider, voice_id, model_id, version)
    WHERE kind = 'tts';
CREATE UNIQUE INDEX voice_models_same_recorded ON voice_models (developer_id, name, version) WHERE kind = 'recorded';
CREATE INDEX voice_models_of_arena ON voice_models (seq) WHERE arena;
ALTER TABLE providers ADD local boolean NOT NULL DEFAULT false;
CREATE TABLE scenarios (
    id text PRIMARY KEY, seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE, developer_id text NOT NULL,
    request_id text, request_fingerprint bytea, built_in text UNIQUE,
    name text NOT NULL, category text NOT NULL, description text NOT NULL, difficulty text NOT NULL,
    language text NOT NULL, ground_truth_transcript text NOT NULL, visibility text NOT NULL,
    archived boolean NOT NULL, approved_at timestamptz, first_battle_at timestamptz,
    battles integer NOT NULL DEFAULT 0, votes integer NOT NULL DEFAULT 0, ties integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
    CONSTRAINT scenarios_request UNIQUE (developer_id, request_id)
);
CREATE INDEX scenarios_by_category ON scenarios (category, seq);
CREATE TABLE render_providers (
    id text PRIMARY KEY, max_concurrency integer NOT NULL, local boolean NOT NULL, updated_at timestamptz NOT NULL,
    share integer, shared_until timestamptz
);
CREATE TABLE renders (
    id text PRIMARY KEY, seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
    voice_model_id text NOT NULL REFERENCES voice_models, scenario_id text NOT NULL REFERENCES scenarios,
    number integer NOT NULL, developer_id text NOT NULL, traceparent text NOT NULL, text text NOT NULL,
    evaluation_id text NOT NULL, audio_sha256 bytea, created_at timestamptz NOT NULL,
    provider text NOT NULL, voice_id text NOT NULL, model_id text NOT NULL, speed double precision, language text,
    seed bigint, spoken_language text NOT NULL, status text NOT NULL, attempts integer NOT NULL,
    attempts_before integer NOT NULL, provider_requests integer NOT NULL, requested_at timestamptz,
    released_at timestamptz, audio_name text, audio_deleted_at timestamptz, error_kind text NOT NULL,
    error_message text NOT NULL, ended_at timestamptz, heard_speech jsonb,
    duration_seconds double precision, ttfb_ms double precision, generation_time_ms double precision,
    ttfa_ms double precision, leading_silence_ms double precision, real_time_factor double precision,
    connect_ms double precision, connection_reused boolean, transport text, sample_rate_hz integer, region text,
    silence_ratio double precision, trailing_silence_ms double precision, peak double precision,
    clipping_ratio double precision, loudness_lufs double precision, dc_offset double precision,
    naturalness_mos double precision, word_error_rate double precision, prosody_score double precision,
    signal_quality_mos double precision, hard_word_accuracy double precision, speech_failures integer,
    semascore double precision,
    CONSTRAINT renders_number UNIQUE (voice_model_id, scenario_id, number)
);
CREATE INDEX renders_pending ON renders (provider, created_at) WHERE status = 'pending';
CREATE INDEX renders_in_flight ON renders (requested_at) WHERE status IN ('synthesizing', 'scoring');
CREATE INDEX renders_of_scenario ON renders (scenario_id, voice_model_id);
CREATE INDEX renders_by_creation ON renders (provider, created_at);
CREATE INDEX renders_by_end ON renders (ended_at);
CREATE TABLE battles (
    id text PRIMARY KEY, seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE, status text NOT NULL,
    developer_id text NOT NULL, request_id text, request_fingerprint bytea, owner text NOT NULL,
    private boolean NOT NULL, scenario_id text NOT NULL REFERENCES scenarios, scenario_seq bigint NOT NULL,
    scenario_name text NOT NULL, category text NOT NULL, language text NOT NULL, text text NOT NULL,
    model_a_id text NOT NULL REFERENCES voice_models, model_a_seq bigint NOT NULL,
    model_b_id text NOT NULL REFERENCES voice_models, model_b_seq bigint NOT NULL,
    render_a_id text REFERENCES renders, render_b_id text REFERENCES renders,
    rated boolean NOT NULL, unrated_reason text NOT NULL, chosen boolean NOT NULL, candidates integer NOT NULL,
    probability double precision, window_points double precision, inside_window boolean NOT NULL,
    swaps integer NOT NULL, control text NOT NULL, expected text NOT NULL, method_version text NOT NULL,
    void_reason text NOT NULL, winner text, vote_source text, elo_delta double precision, metric_vote jsonb,
    votes_a integer NOT NULL, votes_b integer NOT NULL, votes_tie integer NOT NULL, votes_both_bad integer NOT NULL,
    drawn double precision NOT NULL, traceparent text NOT NULL, webhook_url text NOT NULL,
    created_at timestamptz NOT NULL, opened_at timestamptz, closes_at timestamptz, decided_at timestamptz,
    CONSTRAINT battles_models CHECK (model_a_id <> model_b_id OR control <> ''),
    CONSTRAINT battles_status CHECK (status IN ('preparing', 'open', 'decided', 'void')),
    CONSTRAINT battles_request UNIQUE (developer_id, request_id)
);
CREATE INDEX battles_pool ON battles (owner, category, drawn) WHERE status = 'open';
CREATE INDEX battles_control ON battles (control, status, decided_at) WHERE control <> '';
CREATE INDEX battles_pool_of_any_category ON battles (owner, drawn) WHERE status = 'open';
CREATE INDEX battles_by_status ON battles (status, seq);
CREATE INDEX battles_preparing ON battles (created_at) WHERE status = 'preparing';
CREATE INDEX battles_by_model_a ON battles (model_a_id, seq);
CREATE INDEX battles_by_model_b ON battles (model_b_id, seq);
CREATE INDEX battles_by_scenario ON battles (scenario_id, seq);
CREATE INDEX battles_by_render_a ON battles (render_a_id);
CREATE INDEX battles_by_render_b ON battles (render_b_id);
CREATE INDEX battles_by_creation ON battles (created_at);
CREATE TABLE voters (
    id text PRIMARY KEY, seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE, votes_cast integer NOT NULL,
    first_vote_at timestamptz, last_vote_at timestamptz, judged_votes integer NOT NULL DEFAULT 0, judged_at timestamptz
);
CREATE INDEX voters_to_judge ON voters (last_vote_at) WHERE judged_votes <> votes_cast;
CREATE INDEX voters_by_last_vote ON voters (last_vote_at);
CREATE TABLE battle_votes (
    seq bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, id text NOT NULL UNIQUE, kind text NOT NULL,
    battle_id text NOT NULL REFERENCES battles, owner text NOT NULL, rated boolean NOT NULL, counted boolean NOT NULL,
    voter_seq bigint REFERENCES voters (seq), model_a_seq bigint NOT NULL, model_b_seq bigint NOT NULL,
    swapped boolean NOT NULL, outcome smallint NOT NULL, scenario_seq bigint NOT NULL, category text NOT NULL,
    language text NOT NULL, change_a double precision NOT NULL, rating_a double precision NOT NULL,
    rating_b double precision NOT NULL, cast_at timestamptz NOT NULL,
    written_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT battle_votes_kind CHECK (kind IN ('human', 'metrics')),
    CONSTRAINT battle_votes_voter CHECK ((kind = 'human') = (voter_seq IS NOT NULL))
);
CREATE INDEX battle_votes_of_board ON battle_votes (owner, seq);
CREATE INDEX battle_votes_written ON battle_votes (written_by);
CREATE INDEX battle_votes_of_battle ON battle_votes (battle_id, seq);
CREATE INDEX battle_votes_of_people ON battle_votes (cast_at) INCLUDE (counted) WHERE kind = 'human';
CREATE INDEX battle_votes_of_voter ON battle_votes (voter_seq, seq) WHERE voter_seq IS NOT NULL;
CREATE TABLE live_ratings (
    owner text NOT NULL, model_seq bigint NOT NULL, model_id text NOT NULL REFERENCES voice_models,
    rating double precision NOT NULL, battles integer NOT NULL DEFAULT 0, wins integer NOT NULL DEFAULT 0,
    losses integer NOT NULL DEFAULT 0, ties integer NOT NULL DEFAULT 0, both_bad integer NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, model_seq)
);
CREATE INDEX live_ratings_of_model ON live_ratings (model_id);
CREATE TABLE boards (
    owner text NOT NULL, board text NOT NULL, category text NOT NULL, language text NOT NULL,
    leaderboard bytea NOT NULL, head_to_head bytea NOT NULL, votes_seq bigint NOT NULL,
    computed_at timestamptz NOT NULL, next_at timestamptz NOT NULL,
    PRIMARY KEY (owner, board, category, language)
);
CREATE TABLE board_votes (
    owner text PRIMARY KEY, seen bytea NOT NULL, counted bytea NOT NULL, computed_at timestamptz NOT NULL
);
CREATE TABLE snapshots (
    owner text NOT NULL, board text NOT NULL, category text NOT NULL,
    snapshot_date date NOT NULL, model_id text NOT NULL REFERENCES voice_models, snapshot bytea NOT NULL,
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (owner, board, category, snapshot_date, model_id)
);
CREATE INDEX snapshots_of_model ON snapshots (model_id, snapshot_date)
"""


def upgrade() -> None:
    """Creates the tables. Voice models are public as before, and live ratings replace their constant rating."""
    for statement in _STATEMENTS.strip().split(";\n"):
        op.execute(statement)
    op.execute(
        "CREATE FUNCTION battle_votes_stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF to_jsonb(NEW) - 'counted' <> to_jsonb(OLD) - 'counted'"
        " THEN RAISE EXCEPTION 'votes are not changed'; END IF;"
        " NEW.written_by := pg_current_xact_id(); RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER battle_votes_stay BEFORE UPDATE ON battle_votes"
        " FOR EACH ROW EXECUTE FUNCTION battle_votes_stay()"
    )
    create_listening_tables()
    index_votes_across_tests()
    # A voter listens to many battles, and a battle is a listening test.
    op.execute("CREATE INDEX listening_assignments_of_voter ON listening_assignments (listener_id, shown_at)")
