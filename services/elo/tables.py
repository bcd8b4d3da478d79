"""The tables of the arena: scenarios, renders, battles, votes, live ratings and published boards.

The catalogue has its own (`catalogue.tables`), and so have listening tests (`services.shared.listening.tables`). The
migrations create all of them and say what each column may hold.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.shared.metrics import METRICS

BATTLES_CHANGED = "elo_battles_changed"
"""The channel of change notifications. Code that changes a battle sends its id."""
RENDERS_CHANGED = "elo_renders_changed"
"""The channel on which the ids of renders that moved are sent."""
BOARDS_CHANGED = "elo_boards_changed"
"""The channel that is notified when boards were computed."""

METADATA = sa.MetaData()
_MOMENT = sa.DateTime(timezone=True)
_TYPES: Mapping[type, type[sa.types.TypeEngine[Any]]] = {
    float: sa.Double,
    int: sa.Integer,
    bool: sa.Boolean,
    str: sa.Text,
}


def _of(kind: "type[sa.types.TypeEngine[Any]] | sa.types.TypeEngine[Any]", *names: str) -> "list[sa.Column[Any]]":
    return [sa.Column(name, kind) for name in names]


def _seq() -> "sa.Column[Any]":
    return sa.Column("seq", sa.BigInteger, sa.Identity(always=True))


SCENARIOS = sa.Table(
    "scenarios",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    _seq(),
    *_of(sa.Text, "developer_id", "request_id", "built_in", "name", "category", "description", "difficulty"),
    *_of(sa.Text, "language", "ground_truth_transcript", "visibility"),
    sa.Column("request_fingerprint", sa.LargeBinary),
    sa.Column("archived", sa.Boolean),
    *_of(sa.Integer, "battles", "votes", "ties"),
    *_of(_MOMENT, "approved_at", "first_battle_at", "created_at", "updated_at"),
)
RENDERS = sa.Table(
    "renders",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    _seq(),
    *_of(sa.Text, "voice_model_id", "scenario_id", "developer_id", "traceparent", "text", "evaluation_id"),
    *_of(sa.Text, "provider", "voice_id", "model_id", "language", "spoken_language", "status", "audio_name"),
    *_of(sa.Text, "error_kind", "error_message"),
    *_of(sa.Integer, "number", "attempts", "attempts_before", "provider_requests"),
    sa.Column("audio_sha256", sa.LargeBinary),
    sa.Column("speed", sa.Double),
    sa.Column("seed", sa.BigInteger),
    sa.Column("heard_speech", JSONB(none_as_null=True)),
    *_of(_MOMENT, "created_at", "requested_at", "released_at", "audio_deleted_at", "ended_at"),
    *(sa.Column(metric.name, _TYPES[metric.kind]) for metric in METRICS),
)
RENDER_PROVIDERS = sa.Table(
    "render_providers",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("max_concurrency", sa.Integer),
    sa.Column("local", sa.Boolean),
    sa.Column("updated_at", _MOMENT),
    sa.Column("share", sa.Integer),
    sa.Column("shared_until", _MOMENT),
)
BATTLES = sa.Table(
    "battles",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    _seq(),
    *_of(sa.Text, "status", "developer_id", "request_id", "owner", "scenario_id", "scenario_name", "category"),
    *_of(sa.Text, "language", "text", "model_a_id", "model_b_id", "render_a_id", "render_b_id", "unrated_reason"),
    sa.Column("webhook_url", sa.Text),
    *_of(sa.Text, "control", "expected", "method_version", "void_reason", "winner", "vote_source", "traceparent"),
    *_of(sa.BigInteger, "scenario_seq", "model_a_seq", "model_b_seq"),
    *_of(sa.Boolean, "private", "rated", "chosen", "inside_window"),
    *_of(sa.Integer, "candidates", "swaps", "votes_a", "votes_b", "votes_tie", "votes_both_bad"),
    *_of(sa.Double, "probability", "window_points", "elo_delta", "drawn"),
    sa.Column("request_fingerprint", sa.LargeBinary),
    sa.Column("metric_vote", JSONB(none_as_null=True)),
    *_of(_MOMENT, "created_at", "opened_at", "closes_at", "decided_at"),
)
VOTERS = sa.Table(
    "voters",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    _seq(),
    *_of(sa.Integer, "votes_cast", "judged_votes"),
    *_of(_MOMENT, "first_vote_at", "last_vote_at", "judged_at"),
)
"""Everybody who has voted. `judged_votes` is `votes_cast` at `judged_at`, when their votes were last judged again."""
BATTLE_VOTES = sa.Table(
    "battle_votes",
    METADATA,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    *_of(sa.Text, "id", "kind", "battle_id", "owner", "category", "language"),
    *_of(sa.Boolean, "rated", "counted", "swapped"),
    *_of(sa.BigInteger, "voter_seq", "model_a_seq", "model_b_seq", "scenario_seq"),
    sa.Column("outcome", sa.SmallInteger),
    *_of(sa.Double, "change_a", "rating_a", "rating_b"),
    sa.Column("cast_at", _MOMENT),
)
"""Every vote of people and of the metrics, in the order in which they moved live Elo. Rows never change, except that
`counted` follows the state of a person's vote. The column `written_by` has the transaction that wrote a row last, by
which boards find the votes that are new to them. Slot A is the clip that was heard as A: with `swapped`, that is side B
of the battle. The metrics hear the sides of the battle. `rating_a` and `rating_b` are the live ratings of the slots
before the vote, and `change_a` is what slot A gained."""
LIVE_RATINGS = sa.Table(
    "live_ratings",
    METADATA,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("model_seq", sa.BigInteger, primary_key=True),
    sa.Column("model_id", sa.Text),
    sa.Column("rating", sa.Double),
    *_of(sa.Integer, "battles", "wins", "losses", "ties", "both_bad"),
)
"""Live Elo of each model on each board, and its counted votes of people and metrics in rated battles. `owner` is "" for
the public board."""
BOARDS = sa.Table(
    "boards",
    METADATA,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("owner", "board", "category", "language")),
    *_of(sa.LargeBinary, "leaderboard", "head_to_head"),
    sa.Column("votes_seq", sa.BigInteger),
    *_of(_MOMENT, "computed_at", "next_at"),
)
BOARD_VOTES = sa.Table(
    "board_votes",
    METADATA,
    sa.Column("owner", sa.Text, primary_key=True),
    *_of(sa.LargeBinary, "seen", "counted"),
    sa.Column("computed_at", _MOMENT),
)
"""Which votes the boards of an owner were last computed from, so that an export has exactly these: compressed bits at
the numbers of the votes that existed, and of those that counted."""
SNAPSHOTS = sa.Table(
    "snapshots",
    METADATA,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("owner", "board", "category")),
    sa.Column("snapshot_date", sa.Date, primary_key=True),
    sa.Column("model_id", sa.Text, primary_key=True),
    sa.Column("snapshot", sa.LargeBinary),
    sa.Column("computed_at", _MOMENT),
)
"""The place of each model on each day, over all languages. The row of a day is final once it was computed after the
end of that day (UTC)."""
