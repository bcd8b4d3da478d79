"""Checks battles and votes after a round of faults: votes accepted = votes stored = votes in ratings, none twice."""

from __future__ import annotations

from collections import Counter, defaultdict

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.local.mesh import Mesh
from services.elo.domain import INSTALLATION
from services.elo.ratings import LiveElo, Outcome, VoteKind
from services.elo.voting.live_ratings import LiveRatings
from services.runtime.db import Database
from tests.chaos.audit import Audit
from tests.chaos.voting import Votes

TALLIES = ("votes_a", "votes_b", "votes_tie", "votes_both_bad")
TALLY_OF = {Outcome.A: "votes_a", Outcome.B: "votes_b", Outcome.TIE: "votes_tie", Outcome.BOTH_BAD: "votes_both_bad"}
EXCHANGED = {Outcome.A: Outcome.B, Outcome.B: Outcome.A}
# Of side A and of side B.
STANDING_OF = {
    Outcome.A: ("wins", "losses"),
    Outcome.B: ("losses", "wins"),
    Outcome.TIE: ("ties", "ties"),
    Outcome.BOTH_BAD: ("both_bad", "both_bad"),
}


async def audit_battles(mesh: Mesh, votes: Votes, audit: Audit) -> None:
    """Adds to an audit what is wrong with the battles of the mesh and the votes of a round."""
    database = await Database.connect(mesh.database_url, "elo")
    try:
        async with database.transaction() as connection:
            # No vote is under way then.
            lock = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"live ratings of {INSTALLATION}", 0))
            await connection.execute(sa.select(lock))
            await _accepted(connection, votes, audit)
            await _stored(connection, audit)
            await _counted(connection, audit)
            await _ratings(connection, audit)
            await _battles(connection, audit)
            await connection.rollback()
    finally:
        await database.close()


async def _accepted(connection: AsyncConnection, votes: Votes, audit: Audit) -> None:
    """Each accepted vote is stored once, and nothing else of the same voters."""
    query = sa.text("SELECT listener_id, test_id, answer FROM listening_votes WHERE listener_id = ANY(:voters)")
    stored = Counter(tuple(row) for row in await connection.execute(query, {"voters": votes.voters}))
    accepted = Counter((vote.voter_id, vote.battle_id, vote.answer) for vote in votes.accepted)
    audit.expect(stored == accepted, f"accepted, not stored: {accepted - stored}; not accepted: {stored - accepted}")
    audit.votes = accepted.total()


async def _stored(connection: AsyncConnection, audit: Audit) -> None:
    """Each stored vote of people and of the metrics is on the board of its battle, and each vote there is stored."""
    for what, query in {
        "votes of people are not on the board": (
            "SELECT count(*) FROM listening_votes v JOIN battles b ON b.id = v.test_id"
            " WHERE b.control = '' AND NOT EXISTS (SELECT FROM battle_votes o WHERE o.id = v.assignment_id)"
        ),
        "votes of people on the board were not cast": (
            "SELECT count(*) FROM battle_votes o WHERE kind = 'human'"
            " AND NOT EXISTS (SELECT FROM listening_votes v WHERE v.assignment_id = o.id AND v.test_id = o.battle_id)"
        ),
        "votes are about control battles": (
            "SELECT count(*) FROM battle_votes o JOIN battles b ON b.id = o.battle_id WHERE b.control <> ''"
        ),
        "battles have another number of votes of the metrics than one": (
            "SELECT count(*) FROM battles b WHERE control = '' AND (metric_vote IS NOT NULL)::int"
            " <> (SELECT count(*) FROM battle_votes o WHERE o.battle_id = b.id AND o.kind = 'metrics')"
        ),
        "voters voted twice in a battle": (
            "SELECT count(*) FROM (SELECT FROM battle_votes WHERE kind = 'human' GROUP BY battle_id, voter_seq"
            " HAVING count(*) > 1) twice"
        ),
    }.items():
        found = (await connection.execute(sa.text(query))).scalar_one()
        audit.expect(found == 0, f"{found} {what}")


async def _counted(connection: AsyncConnection, audit: Audit) -> None:
    """The counts of battles and models are those of their votes."""
    of_battles: defaultdict[str, Counter[str]] = defaultdict(Counter)
    of_models: defaultdict[int, Counter[str]] = defaultdict(Counter)
    query = sa.text(
        "SELECT battle_id, kind, rated, swapped, outcome, model_a_seq, model_b_seq FROM battle_votes"
        " WHERE owner = :owner AND counted"
    )
    for vote in await connection.execute(query, {"owner": INSTALLATION}):
        heard = Outcome(vote.outcome)
        if vote.kind == VoteKind.HUMAN:
            of_sides = EXCHANGED.get(heard, heard) if vote.swapped else heard
            of_battles[vote.battle_id][TALLY_OF[of_sides]] += 1
        if vote.rated:
            for seq, counted in zip((vote.model_a_seq, vote.model_b_seq), STANDING_OF[heard], strict=True):
                of_models[seq][counted] += 1
    query = sa.text(f"SELECT id, {', '.join(TALLIES)} FROM battles WHERE owner = :owner AND control = ''")
    for battle in await connection.execute(query, {"owner": INSTALLATION}):
        stored = Counter({name: count for name, count in zip(TALLIES, battle[1:], strict=True) if count})
        audit.expect(stored == of_battles[battle.id], f"{battle.id} counts {stored}, has {of_battles[battle.id]}")
    query = sa.text("SELECT model_seq, wins, losses, ties, both_bad FROM live_ratings WHERE owner = :owner")
    for model in await connection.execute(query, {"owner": INSTALLATION}):
        names = ("wins", "losses", "ties", "both_bad")
        stored = Counter({name: getattr(model, name) for name in names if getattr(model, name)})
        audit.expect(
            stored == of_models[model.model_seq], f"model {model.model_seq}: {stored}, not {of_models[model.model_seq]}"
        )


async def _ratings(connection: AsyncConnection, audit: Audit) -> None:
    """A replay of the votes gives the live ratings exactly."""
    query = sa.text("SELECT model_seq, rating FROM live_ratings WHERE owner = :owner")
    live = {row.model_seq: row.rating for row in await connection.execute(query, {"owner": INSTALLATION})}
    replayed = await LiveRatings(LiveElo()).replay(connection, INSTALLATION)
    audit.expect(live == replayed, f"live ratings {live}, replayed {replayed}")


async def _battles(connection: AsyncConnection, audit: Audit) -> None:
    """Each decided battle was announced once, and says what its votes changed."""
    query = sa.text(
        "SELECT b.id, b.status, b.winner, b.elo_delta,"
        " (SELECT count(*) FROM chaos.events e WHERE e.subject ~ 'battle_(decided|voided)'"
        "  AND position(convert_to(b.id, 'UTF8') in e.envelope) > 0) AS announced,"
        " (SELECT sum(CASE WHEN v.swapped THEN -v.change_a ELSE v.change_a END) FROM battle_votes v"
        "  WHERE v.battle_id = b.id) AS changed"
        " FROM battles b WHERE b.control = ''"
    )
    for battle in await connection.execute(query):
        audit.battles[battle.status] += 1
        decided = battle.status == "decided"
        audit.expect((battle.winner is not None) is decided, f"{battle.id} is {battle.status}: {battle.winner}")
        ended = battle.status in ("decided", "void")
        audit.expect(battle.announced == int(ended), f"the end of {battle.id} was announced {battle.announced} times")
        audit.expect(
            abs((battle.elo_delta or 0.0) - (battle.changed or 0.0)) < 1e-9,
            f"{battle.id} says that it changed {battle.elo_delta}, its votes say {battle.changed}",
        )
