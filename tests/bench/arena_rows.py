"""Fills the tables of the arena: models, scenarios, battles, and battles that were given to voters who heard them.

The rows are those that the services would write, so calls can be measured without speaking a hundred thousand texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

import psycopg

SCENARIOS = 96
CATEGORY = "bench"
CLIP_SECONDS = 3.0

_MODELS: LiteralString = """
INSERT INTO voice_models (id, developer_id, name, provider, version, voice_id, model_id, parameters, active,
    visibility, arena, created_at, updated_at)
SELECT 'mdl_' || lpad(to_hex(n), 32, '0'), '', 'Voice ' || n, 'bench', '1', 'voice-' || n, '', '{}', true,
    'public', false, now(), now()
FROM generate_series(%(first)s::int, %(last)s) AS n
"""
_LIVE_RATINGS: LiteralString = """
INSERT INTO live_ratings (owner, model_seq, model_id, rating)
SELECT '', seq, id, 1500 + 10 * (seq %% 40) FROM voice_models WHERE provider = 'bench' ON CONFLICT DO NOTHING
"""
_SCENARIOS: LiteralString = """
INSERT INTO scenarios (id, developer_id, name, category, description, difficulty, language, ground_truth_transcript,
    visibility, archived, approved_at, created_at, updated_at)
SELECT 'scn_' || lpad(to_hex(n), 32, '0'), '', 'Scenario ' || n, %(category)s, '', 'easy', 'en',
    'Your order number ' || n || ' will arrive on Monday.', 'public', false, now(), now(), now()
FROM generate_series(1, %(scenarios)s::int) AS n
"""
_RENDERS: LiteralString = """
INSERT INTO renders (id, voice_model_id, scenario_id, number, developer_id, traceparent, text, evaluation_id,
    audio_sha256, created_at, provider, voice_id, model_id, spoken_language, status, attempts,
    attempts_before, provider_requests, audio_name, error_kind, error_message, ended_at, duration_seconds, ttfb_ms,
    ttfa_ms, naturalness_mos, word_error_rate, prosody_score, signal_quality_mos, semascore)
SELECT 'rnd_' || md5(m.id || s.id), m.id, s.id, 0, '', '', s.ground_truth_transcript, 'evl_' || md5(m.id || s.id),
    sha256(m.id::bytea), now(), m.provider, m.voice_id, '', 'en', 'completed', 1, 0, 1, md5(m.id || s.id), '',
    '', now(), %(seconds)s, 100, 150, 3.5, 0.05, 0.8, 3.6, 0.9
FROM voice_models AS m CROSS JOIN scenarios AS s WHERE m.provider = 'bench' AND s.category = %(category)s
ON CONFLICT DO NOTHING
"""
# Side A is a random model, side B a random other one.
_BATTLES: LiteralString = """
INSERT INTO battles (id, status, developer_id, owner, private, scenario_id, scenario_seq, scenario_name, category,
    language, text, model_a_id, model_a_seq, model_b_id, model_b_seq, render_a_id, render_b_id, rated, unrated_reason,
    chosen, candidates, probability, window_points, inside_window, swaps, control, expected, method_version,
    void_reason, elo_delta, metric_vote, votes_a, votes_b, votes_tie, votes_both_bad, drawn, traceparent, webhook_url,
    created_at, opened_at, closes_at)
SELECT 'bat_' || lpad(to_hex(n), 32, '0'), 'open', '', '', false, s.id, s.seq, s.name, s.category, s.language,
    s.ground_truth_transcript, a.id, a.seq, b.id, b.seq, 'rnd_' || md5(a.id || s.id), 'rnd_' || md5(b.id || s.id),
    true, '', false, 100, 0.01, 400, true, 0, '', '', 'battle-1', '', 0,
    '{"answer": "tie", "score_a": 0.8, "score_b": 0.8, "weights": {"semascore": 1.0}}', 0, 0, 0, 0, random(), '', '',
    now(), now(), now() + interval '7 days'
FROM (
    SELECT n, 1 + floor(random() * %(models)s::int)::int AS a, 1 + floor(random() * (%(models)s - 1.0))::int AS skip
    FROM generate_series(%(first)s::int, %(last)s) AS n
) AS drawn
JOIN voice_models AS a ON a.id = 'mdl_' || lpad(to_hex(drawn.a), 32, '0')
JOIN voice_models AS b ON b.id = 'mdl_' || lpad(to_hex(1 + (drawn.a - 1 + skip) %% %(models)s::int), 32, '0')
JOIN scenarios AS s ON s.id = 'scn_' || lpad(to_hex(1 + n %% %(scenarios)s::int), 32, '0')
"""
_TESTS: LiteralString = """
INSERT INTO listening_tests (id, votes_per_pair, closes_at) SELECT id, 1, closes_at FROM battles
WHERE category = %(category)s ON CONFLICT DO NOTHING
"""
_PAIRS: LiteralString = """
INSERT INTO listening_pairs (test_id, text_index, first, second, text, first_speech, second_speech, target_lufs, votes)
SELECT id, 0, 0, 1, text, jsonb_build_array(jsonb_build_object('audio_name', render_a_id, 'seconds', %(seconds)s)),
    jsonb_build_array(jsonb_build_object('audio_name', render_b_id, 'seconds', %(seconds)s)), -23, 0
FROM battles WHERE category = %(category)s ON CONFLICT DO NOTHING
"""
_VOTERS: LiteralString = """
INSERT INTO voters (id, votes_cast) SELECT unnest(%(voters)s::text[]), 0
"""
_LISTENERS: LiteralString = """
INSERT INTO listening_listeners (test_id, id, invitation_id, max_listeners_per_address, created_at, voter_id, address)
SELECT 'bat_' || lpad(to_hex(%(first)s::int + n - 1), 32, '0'), id, 'arena', 0, now() - interval '1 minute', id,
    decode(md5(id), 'hex')
FROM unnest(%(voters)s::text[]) WITH ORDINALITY AS voter(id, n)
"""
_ASSIGNMENTS: LiteralString = """
INSERT INTO listening_assignments (id, test_id, listener_id, text_index, first, second, first_audio, second_audio,
    swapped, drawn_from, target_lufs, clip_a, clip_b, a_seconds, b_seconds, shown_at, a_sent_at, b_sent_at)
SELECT 'pai_' || md5(test_id), test_id, id, 0, 0, 1, 'a', 'b', random() < 0.5, 1, -23, 'clp_' || md5(id || 'a')
    || '.wav', 'clp_' || md5(id || 'b') || '.wav', %(seconds)s, %(seconds)s, now() - interval '1 minute',
    now() - interval '50 seconds', now() - interval '40 seconds'
FROM listening_listeners WHERE id = ANY (%(voters)s)
"""
_TABLES: LiteralString = """
ANALYZE voice_models, scenarios, renders, battles, voters, live_ratings, listening_tests, listening_pairs,
    listening_listeners, listening_assignments
"""


@dataclass(frozen=True, slots=True)
class Given:
    """A battle of which a voter has heard both clips, and in which they have not voted."""

    battle_id: str
    voter_id: str


class ArenaRows:
    """Adds rows to the schema of elo. Models, battles and voters get growing numbers."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._models = 0
        self._battles = 0

    async def add(self, *, models: int, battles: int) -> None:
        """Adds models until there are `models` of them, and open battles among all of them."""
        added = {
            "category": CATEGORY,
            "scenarios": SCENARIOS,
            "seconds": CLIP_SECONDS,
            "models": models,
        }
        async with await self._connection() as connection:
            await connection.execute(_MODELS, {"first": self._models + 1, "last": models})
            await connection.execute(_LIVE_RATINGS, added)
            if not self._models:
                await connection.execute(_SCENARIOS, added)
            await connection.execute(_RENDERS, added)
            numbers = {"first": self._battles + 1, "last": self._battles + battles}
            await connection.execute(_BATTLES, added | numbers)
            await connection.execute(_TESTS, added)
            await connection.execute(_PAIRS, added)
        self._models, self._battles = models, self._battles + battles
        await self._analyze()

    async def give(self, voters: Sequence[str], first_battle: int = 1) -> list[Given]:
        """Gives each voter a battle of their own, beginning with number `first_battle`. They have heard both clips."""
        values = {"voters": list(voters), "first": first_battle, "seconds": CLIP_SECONDS}
        async with await self._connection() as connection:
            for adding in (_VOTERS, _LISTENERS, _ASSIGNMENTS):
                await connection.execute(adding, values)
        await self._analyze()
        return [Given(f"bat_{first_battle + number:032x}", voter) for number, voter in enumerate(voters)]

    async def counted_votes(self) -> int:
        """Returns the number of votes of people that count."""
        async with await self._connection() as connection:
            query: LiteralString = "SELECT count(*) FROM battle_votes WHERE kind = 'human' AND counted"
            found = await (await connection.execute(query)).fetchone()
        assert found
        return int(found[0])

    async def _analyze(self) -> None:
        """Gives the planner the sizes of the tables, as autovacuum does on a mesh that runs longer."""
        async with await self._connection() as connection:
            await connection.execute(_TABLES)

    async def _connection(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        return await psycopg.AsyncConnection.connect(self._database_url, options="-csearch_path=elo")
