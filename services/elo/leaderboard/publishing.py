"""Computes and stores the boards that are due. One process of all has the lock and does it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
import structlog
from voicearena.elo.v1.leaderboard_pb2 import LeaderboardRow

from services.elo import facts
from services.elo.domain import INSTALLATION
from services.elo.leaderboard.computing import EVIDENCE, compute_boards
from services.elo.leaderboard.messages import BoardModel, Times, head_to_head, leaderboard
from services.elo.leaderboard.resuming import resumed
from services.elo.leaderboard.schedule import OwnerSchedule
from services.elo.leaderboard.snapshots import end_of, live_ratings, microseconds, missing_days, snapshots
from services.elo.leaderboard.store import BoardKey, BoardStore, StoredBoard
from services.elo.leaderboard.vote_log import Rows, by_kind, flagged, models_of, packed
from services.elo.leaderboard.vote_reader import VoteReader
from services.elo.ratings import LiveElo
from services.elo.ratings.published_board import BoardKind
from services.runtime import outbox
from services.runtime.clock import now
from services.runtime.db import Database

log = structlog.get_logger()

TRY_LOCK = sa.text("SELECT pg_try_advisory_lock(hashtextextended('elo published boards', 0))")


class Publishing:
    """Publishes boards. `alive` is called after each step that can take long."""

    def __init__(
        self,
        database: Database,
        store: BoardStore,
        rules: LiveElo,
        interval: timedelta,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._store = store
        self._rules = rules
        self._interval = interval
        # The day until which the snapshots of each owner are complete.
        self._caught_up: dict[str, date] = {}
        self._alive = alive
        self._reader = VoteReader(database)
        self.schedules: dict[str, OwnerSchedule] | None = None
        """By owner. None before the first round."""
        # What the boards of each owner show of their models.
        self._shown: dict[str, Mapping[int, BoardModel]] = {}

    @property
    def waiting(self) -> bool:
        """Whether there are votes that are in no board yet."""
        return any(schedule.changed for schedule in (self.schedules or {}).values())

    async def round(self) -> int:
        """Reads new votes, and computes and stores the boards that are due. Returns the number of these boards.

        The caller must hold the lock (TRY_LOCK).
        """
        changed = await self._reader.refresh()
        self._alive()
        if self.schedules is None:
            async with self._database.reading() as connection:
                before = await self._store.computed_votes(connection)
            self.schedules = {owner: resumed(self._reader.log, owner, votes) for owner, votes in before.items()}
            changed = {owner: counts for owner, counts in changed.items() if owner not in before}
        for owner, counts in changed.items():
            schedule = self.schedules.setdefault(owner, OwnerSchedule())
            schedule.changed.update(counts)
            schedule.groups_now = sum(group.owner == owner for group in self._reader.log.groups.values())
        boards = 0
        for owner, schedule in self.schedules.items():
            if schedule.due(now(), self._interval):
                boards += await self._publish(owner, schedule)
        return boards

    async def _publish(self, owner: str, schedule: OwnerSchedule) -> int:
        began, worked, at = time.monotonic(), time.process_time(), now()
        times = Times(at, at + self._interval)
        async with self._database.reading() as connection:
            models = await self._store.models(connection)
            live = await self._store.live_ratings(connection, owner)
        of_owner = self._reader.log.of_owner(owner)
        shown = {seq: models[seq] for seq in models_of(of_owner).tolist()}
        if not schedule.changed and self._shown.get(owner) == shown:
            async with self._database.transaction() as connection:
                await self._store.confirm(connection, owner, times.computed_at, times.next_at)
            schedule.computed_at = at
            await self._catch_up(owner, of_owner, models)
            return 0
        messages, votes = [], 0
        for scope, kind, board in compute_boards(self._reader.log, owner):
            self._alive()
            if not any(scope) and kind is BoardKind.HYBRID:
                votes = board.votes
            message = leaderboard(scope, kind, board, models, live, times)
            messages.append((BoardKey(owner, kind, *scope), message, head_to_head(board, models, at)))
        boards = [
            StoredBoard(
                key=key,
                leaderboard=message.SerializeToString(),
                head_to_head=matrix.SerializeToString(),
                votes_seq=int(of_owner["seq"][-1]),
                computed_at=times.computed_at,
                next_at=times.next_at,
            )
            for key, message, matrix in messages
        ]
        seen = packed(of_owner, flagged(of_owner, 0)), packed(of_owner, flagged(of_owner, EVIDENCE))
        today = {
            (key.board, key.category): snapshots(message.rows, at.date())
            for key, message, _ in messages
            if not key.language
        }
        async with self._database.transaction() as connection:
            await self._store.replace(connection, owner, boards, seen)
            await self._store.save_snapshots(connection, owner, at.date(), today, at)
            if owner == INSTALLATION:
                await outbox.add(connection, facts.ratings_published(at, len(boards), votes))
        self._shown[owner] = shown
        schedule.votes, schedule.changed, schedule.groups = by_kind(of_owner), Counter(), schedule.groups_now
        # Waiting for the database is no work.
        schedule.computed_at, schedule.seconds = at, time.process_time() - worked
        await self._catch_up(owner, of_owner, models)
        log.info("boards were computed", owner=owner, boards=len(boards), votes=votes, seconds=time.monotonic() - began)
        return len(boards)

    async def _catch_up(self, owner: str, of_owner: Rows, models: Mapping[int, BoardModel]) -> None:
        """Computes the final snapshots of days that ended, from the votes up to their ends."""
        today = now().date()
        if not len(of_owner) or self._caught_up.get(owner) == today:
            return
        async with self._database.reading() as connection:
            last = await self._store.last_final_day(connection, owner)
        first = datetime.fromtimestamp(int(of_owner["cast_at"].min()) / 1e6, UTC)
        votes = 0
        rows: Mapping[tuple[str, str], Sequence[LeaderboardRow]] = {}
        for day in missing_days(last, first, today):
            until = of_owner[of_owner["cast_at"] < microseconds(end_of(day))]
            if len(until) != votes:
                # On a day without votes the boards stay what they were.
                votes, rows = len(until), self._rows_until(owner, day, until, models)
            of_day = {key: snapshots(one, day) for key, one in rows.items()}
            async with self._database.transaction() as connection:
                await self._store.save_snapshots(connection, owner, day, of_day, now())
        self._caught_up[owner] = today

    def _rows_until(
        self, owner: str, day: date, votes: Rows, models: Mapping[int, BoardModel]
    ) -> Mapping[tuple[str, str], Sequence[LeaderboardRow]]:
        """Returns the rows of the boards of all languages at the end of a day, by whose votes count and by category."""
        live = live_ratings(votes, self._rules)
        times = Times(end_of(day), end_of(day))
        found = {}
        for scope, kind, board in compute_boards(self._reader.log, owner, microseconds(end_of(day))):
            self._alive()
            if not scope.language:
                found[str(kind), scope.category] = leaderboard(scope, kind, board, models, live, times).rows
        return found
