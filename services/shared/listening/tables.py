"""The tables of listening tests, and conversions between rows and domain objects. `migration` creates the tables."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import INT4MULTIRANGE, JSONB

from services.shared.listening.domain import (
    NO_ADDRESS_LIMIT,
    Assignment,
    CandidateAudio,
    Listener,
    ListenerAnswer,
    Pair,
    PairKey,
)
from services.shared.listening.judging import WITHOUT_PLACE, CastVote, ExclusionReason, VoteState

# Most columns need no type here. `migration` has all types.
_KEY = ("text_index", "first", "second")


def _table(name: str, *columns: str, **typed: sa.types.TypeEngine[Any]) -> sa.TableClause:
    moments = dict.fromkeys((name for name in columns if name.endswith("_at")), sa.DateTime(timezone=True))
    types = {**dict.fromkeys(columns), **moments, **typed}
    return sa.table(name, *(sa.column(column, kind) for column, kind in types.items()))


TESTS = _table("listening_tests", "id", "votes_per_pair", "closes_at")
PAIRS = _table(
    "listening_pairs", "test_id", *_KEY, "text", "target_lufs", "votes", first_speech=JSONB(), second_speech=JSONB()
)
LISTENERS = _table("listening_listeners", *(f.name for f in dataclasses.fields(Listener)))
_ASSIGNMENT_FIELDS = [f.name for f in dataclasses.fields(Assignment) if f.name not in ("key", "answer")]
ASSIGNMENT_VALUES = (*_KEY, *_ASSIGNMENT_FIELDS)
"""The columns that are set when an assignment is added."""
# a_sent and b_sent are the ranges of bytes that have been sent.
ASSIGNMENTS = _table(
    "listening_assignments", *_KEY, *_ASSIGNMENT_FIELDS, a_sent=INT4MULTIRANGE(), b_sent=INT4MULTIRANGE()
)
_VOTE = ("assignment_id", "seq", "test_id", "listener_id", *_KEY, "swapped", "answer", "cast_at", "address")
VOTES = _table("listening_votes", *_VOTE)
STATES = _table("listening_vote_states", "seq", "assignment_id", "state", "reason", "judged_at")

_L, _P, _A, _V = LISTENERS.c, PAIRS.c, ASSIGNMENTS.c, VOTES.c
LISTENER_COLUMNS = list(_L)
PAIR_COLUMNS = [_P[name] for name in (*_KEY, "text", "first_speech", "second_speech", "target_lufs", "votes")]
ASSIGNMENT_COLUMNS = [*(_A[name] for name in (*_KEY, *_ASSIGNMENT_FIELDS)), _V.answer]
"""To select from WITH_ANSWERS."""
WITH_ANSWERS = ASSIGNMENTS.outerjoin(VOTES, _V.assignment_id == _A.id)
LAST_STATE = (
    sa.select(STATES.c.state, STATES.c.reason, STATES.c.judged_at)
    .where(STATES.c.assignment_id == _V.assignment_id)
    .order_by(STATES.c.seq.desc())
    .limit(1)
    .lateral("listening_state")
)
CAST_COLUMNS = [
    *ASSIGNMENT_COLUMNS,
    _V.cast_at,
    _V.address,
    _L.address.label("joined_from"),
    _L.invitation_id,
    _L.max_listeners_per_address,
    LAST_STATE.c.state,
    LAST_STATE.c.reason,
    LAST_STATE.c.judged_at,
]
"""To select from WITH_STATES."""
LISTENER_OF_VOTE = sa.and_(_L.test_id == _V.test_id, _L.id == _V.listener_id)
WITH_STATES = (
    VOTES.join(ASSIGNMENTS, _A.id == _V.assignment_id)
    .join(LISTENERS, LISTENER_OF_VOTE)
    .outerjoin(LAST_STATE, sa.true())
)
"""Votes, each with its assignment, its listener and its last state."""
HOLDS_PLACE = sa.and_(*(LAST_STATE.c.reason.is_distinct_from(reason.value) for reason in WITHOUT_PLACE))
"""Whether a vote in WITH_STATES gives its listener a place; see `judging`."""


def listener_from(row: Sequence[Any]) -> Listener:
    """Returns the listener in a row of LISTENER_COLUMNS."""
    return Listener(**dict(zip((c.name for c in LISTENER_COLUMNS), row, strict=True)))


def pair_from(row: Sequence[Any]) -> Pair:
    """Returns the pair in a row of PAIR_COLUMNS."""
    text, first, second, target_lufs, votes = row[3:]
    return Pair(
        key=PairKey(*row[:3]),
        text=text,
        first=[CandidateAudio(**each) for each in first],
        second=[CandidateAudio(**each) for each in second],
        target_lufs=target_lufs,
        votes=votes,
    )


def pair_values(test_id: str, pair: Pair) -> dict[str, Any]:
    """Returns the column values of a pair."""
    return {
        "test_id": test_id,
        **dataclasses.asdict(pair.key),
        "text": pair.text,
        "first_speech": [dataclasses.asdict(each) for each in pair.first],
        "second_speech": [dataclasses.asdict(each) for each in pair.second],
        "target_lufs": pair.target_lufs,
        "votes": pair.votes,
    }


def assignment_from(row: Sequence[Any]) -> Assignment:
    """Returns the assignment in a row of ASSIGNMENT_COLUMNS."""
    values = dict(zip(_ASSIGNMENT_FIELDS, row[3:-1], strict=True))
    return Assignment(key=PairKey(*row[:3]), answer=ListenerAnswer(row[-1]) if row[-1] else None, **values)


def assignment_values(assignment: Assignment) -> dict[str, Any]:
    """Returns the column values of an assignment."""
    values = {name: getattr(assignment, name) for name in _ASSIGNMENT_FIELDS}
    return {**dataclasses.asdict(assignment.key), **values}


def cast_from(row: Sequence[Any]) -> CastVote:
    """Returns the vote in a row of CAST_COLUMNS."""
    cast_at, address, joined_from, invitation_id, per_address, state, reason, judged_at = row[len(ASSIGNMENT_COLUMNS) :]
    return cast_vote(
        assignment_from(row[: len(ASSIGNMENT_COLUMNS)]),
        invitation_id=invitation_id,
        cast_at=cast_at,
        address=address,
        joined_from=joined_from,
        supervised=per_address == NO_ADDRESS_LIMIT,
        state=VoteState(state) if state else VoteState.UNKNOWN,
        exclusion_reason=ExclusionReason(reason) if reason else None,
        judged_at=judged_at,
    )


def cast_vote(assignment: Assignment, **known: Any) -> CastVote:
    """Returns the vote of an assignment that has an answer. `known` are the other fields of CastVote."""
    assert assignment.answer is not None
    return CastVote(
        id=assignment.id,
        test_id=assignment.test_id,
        listener_id=assignment.listener_id,
        key=assignment.key,
        swapped=assignment.swapped,
        answer=assignment.answer,
        ready_at=assignment.ready_at,
        **known,
    )
