"""Many votes that were cast before, as rows: each in a battle of its own, which it has decided."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.elo.battles.domain import BattleStatus
from services.elo.domain import FIRST_RATING, INSTALLATION
from services.elo.ratings import LiveElo, Outcome, Votes
from services.elo.tables import BATTLE_VOTES, BATTLES, LIVE_RATINGS, VOTERS
from services.elo.voting.live_ratings import LiveRatings
from services.runtime.db import Database
from services.shared.listening.judging import VoteState
from services.shared.listening.tables import ASSIGNMENTS, LISTENERS, PAIRS, STATES, TESTS, VOTES
from tests.contract.stores.elo.rows import battle, battle_values

INTERVAL = timedelta(minutes=4)
_ANSWERS = {Outcome.A: "a", Outcome.B: "b", Outcome.TIE: "tie", Outcome.BOTH_BAD: "both_bad"}


def voter_id(number: int) -> str:
    return f"usr_{number:032x}"


async def add_cast_votes(
    database: Database,
    votes: Votes,
    models: Sequence[tuple[str, int]],
    scenario: tuple[str, int],
    *,
    until: datetime,
    address_of: Callable[[int], bytes],
) -> None:
    """Adds counted votes on the public board, the last one at `until`. Voters are numbered from 0."""
    rows: dict[Any, list[dict[str, Any]]] = {table: [] for table in (BATTLES, TESTS, PAIRS, LISTENERS, ASSIGNMENTS)}
    rows |= {VOTES: [], STATES: [], BATTLE_VOTES: []}
    first = until - INTERVAL * (len(votes) - 1)
    key = {"text_index": 0, "first": 0, "second": 1}
    voters = int(votes.voter.max()) + 1
    async with database.transaction() as connection:
        adding = sa.insert(VOTERS).returning(VOTERS.c.seq, sort_by_parameter_order=True)
        count = [int((votes.voter == number).sum()) for number in range(voters)]
        values = [
            {"id": voter_id(number), "votes_cast": count[number], "first_vote_at": first, "last_vote_at": until}
            for number in range(voters)
        ]
        seqs = list((await connection.execute(adding, values)).scalars())
        for number in range(len(votes)):
            at, voter, outcome = first + INTERVAL * number, int(votes.voter[number]), Outcome(votes.outcome[number])
            a, b = models[votes.a[number]], models[votes.b[number]]
            battle_id, vote_id = f"bat_{number:032x}", f"pai_{number:032x}"
            heard = {"test_id": battle_id, **key}
            decided = battle(
                battle_id,
                a,
                b,
                scenario[1],
                status=BattleStatus.DECIDED,
                scenario_id=scenario[0],
                created_at=at,
                **{f"votes_{_ANSWERS[outcome]}": 1},
            )
            rows[BATTLES].append(battle_values(decided))
            rows[TESTS].append({"id": battle_id, "votes_per_pair": 1, "closes_at": None})
            rows[PAIRS].append(
                {**heard, "text": "", "first_speech": [], "second_speech": [], "target_lufs": -23.0, "votes": 1}
            )
            rows[LISTENERS].append(
                {
                    "test_id": battle_id,
                    "id": voter_id(voter),
                    "invitation_id": "arena",
                    "max_listeners_per_address": 10,
                    "created_at": at,
                    "voter_id": voter_id(voter),
                    "address": address_of(voter),
                }
            )
            rows[ASSIGNMENTS].append(
                {
                    "id": vote_id,
                    **heard,
                    "listener_id": voter_id(voter),
                    "first_audio": "a.wav",
                    "second_audio": "b.wav",
                    "swapped": False,
                    "drawn_from": 1,
                    "target_lufs": -23.0,
                    "clip_a": f"clp_{number:032x}.wav",
                    "clip_b": f"clp_{number + len(votes):032x}.wav",
                    "a_seconds": 1.0,
                    "b_seconds": 1.0,
                    "shown_at": at - timedelta(seconds=9),
                    "a_sent_at": at - timedelta(seconds=8),
                    "b_sent_at": at - timedelta(seconds=8),
                }
            )
            rows[VOTES].append(
                {
                    "assignment_id": vote_id,
                    **heard,
                    "listener_id": voter_id(voter),
                    "swapped": False,
                    "answer": _ANSWERS[outcome],
                    "cast_at": at,
                    "address": address_of(voter),
                }
            )
            rows[STATES].append({"assignment_id": vote_id, "state": VoteState.COUNTED, "reason": "", "judged_at": at})
            rows[BATTLE_VOTES].append(
                {
                    "id": vote_id,
                    "kind": "human",
                    "battle_id": battle_id,
                    "owner": INSTALLATION,
                    "rated": True,
                    "counted": True,
                    "voter_seq": seqs[voter],
                    "model_a_seq": a[1],
                    "model_b_seq": b[1],
                    "swapped": False,
                    "outcome": int(outcome),
                    "scenario_seq": scenario[1],
                    "category": "support",
                    "language": "en",
                    "change_a": 0.0,
                    "rating_a": FIRST_RATING,
                    "rating_b": FIRST_RATING,
                    "cast_at": at,
                }
            )
        for table, values in rows.items():
            await connection.execute(sa.insert(table), values)
        empty = [
            {"owner": INSTALLATION, "model_seq": seq, "model_id": id_, "rating": FIRST_RATING} for id_, seq in models
        ]
        await connection.execute(sa.insert(LIVE_RATINGS), empty)
        await LiveRatings(LiveElo()).replay(connection, INSTALLATION)
