"""Makes battles that test their voters, from recordings of public battles. The voter can't tell them from others.

Both sides of a control battle are the same recording, so no model looks better or worse by it. In a gold battle one
side is spoiled. Votes in control battles move no rating and are in no statistics.
"""

import asyncio
import dataclasses
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle, BattleStatus, Control
from services.elo.battles.views import BATTLE_COLUMNS, battle_from
from services.elo.domain import INSTALLATION
from services.elo.integrity.spoiling import spoiled
from services.elo.tables import BATTLES, RENDERS
from services.elo.voting.subject import SIDES
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import NotFound, Unavailable
from services.shared.audio.rendering import MAX_TARGET_LUFS
from services.shared.audio.wav import WavError
from services.shared.listening.domain import CandidateAudio, ListeningTest, Pair
from services.shared.listening.store import ListeningStore
from services.shared.listening.tables import PAIRS

log = structlog.get_logger()

OPEN_BATTLES = 8
"""Control battles of each kind that are open at a time."""
KEPT_AFTER_END = timedelta(hours=1)
"""How long spoiled audio is kept after its battle has ended. Somebody may still be listening."""
TEND_INTERVAL_SECONDS = 10.0
SPOILED_PREFIX = "spoiled"

_B, _R = BATTLES.c, RENDERS.c


class AudioOfControls(Protocol):
    """Where speech is stored."""

    async def get(self, name: str) -> bytes:
        """Returns a stored WAV. Raises NotFound if it does not exist."""

    async def put(self, name: str, data: bytes) -> None:
        """Stores a WAV."""

    async def delete(self, name: str) -> None:
        """Deletes a WAV if it exists."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Recording:
    """A side of a public battle, from which a control battle is made."""

    battle: Battle
    render_id: str
    model_id: str
    model_seq: int
    audio_name: str
    seconds: float


class ControlBattles:
    """The background job over one database and one audio store."""

    def __init__(
        self,
        database: Database,
        listening: ListeningStore,
        audio: AudioOfControls,
        *,
        votes: int,
        days: int,
        clock: Callable[[], datetime] = now,
        rng: random.Random | None = None,
    ) -> None:
        """`votes` and `days` say when an ordinary battle is decided: BATTLE_VOTES and BATTLE_DAYS."""
        self._database = database
        self._listening = listening
        self._audio = audio
        # Like those of all battles. One that took more votes could be recognized, also with another session.
        self._votes = votes
        self._open_duration = timedelta(days=days)
        self._clock = clock
        # Battles that ended before it have no spoiled audio. There are many of them after a while.
        self._spoiled_deleted_until = datetime.min.replace(tzinfo=UTC)
        # Nobody may foresee which battles are controls.
        self._rng = rng or random.SystemRandom()

    async def tend(self) -> None:
        """Makes missing control battles, and deletes the audio of old ones."""
        async with self._database.reading() as connection:
            open_battles = await _open_battles(connection)
        for control in (Control.GOLD, Control.TRAP):
            for _ in range(OPEN_BATTLES - open_battles.get(control, 0)):
                async with self._database.reading() as connection:
                    recording = await self._draw(connection)
                if recording is None:
                    return
                try:
                    await self._make(control, recording)
                except (NotFound, Unavailable, WavError) as error:
                    log.warning("a control battle can't be made", render=recording.render_id, error=str(error))
                    return
        await self._delete_spoiled()

    async def _draw(self, connection: AsyncConnection) -> _Recording | None:
        """Draws a side of a public battle of the last days that can still be heard."""
        newest = (await connection.execute(sa.select(sa.func.max(_B.seq)))).scalar_one() or 0
        side = sa.or_(_R.id == _B.render_a_id, _R.id == _B.render_b_id)
        found = (
            sa.select(*BATTLE_COLUMNS, _R.id, _R.voice_model_id, _R.audio_name, _R.duration_seconds)
            .select_from(BATTLES.join(RENDERS, side))
            .where(
                _B.owner == INSTALLATION,
                _B.control == Control.NONE,
                ~_B.private,
                _B.status.in_((BattleStatus.OPEN, BattleStatus.DECIDED)),
                _R.audio_name.is_not(None),
                _R.duration_seconds > 0,
            )
        )
        at = self._rng.randint(0, newest)
        for part, order in ((_B.seq >= at, _B.seq), (_B.seq < at, _B.seq.desc())):
            row = (await connection.execute(found.where(part).order_by(order).limit(1))).first()
            if row is not None:
                battle = battle_from(row[: len(BATTLE_COLUMNS)])
                render_id, model_id, audio_name, seconds = row[len(BATTLE_COLUMNS) :]
                model_seq = battle.model_a_seq if model_id == battle.model_a_id else battle.model_b_seq
                return _Recording(battle, render_id, model_id, model_seq, audio_name, seconds)
        return None

    async def _make(self, control: Control, recording: _Recording) -> None:
        battle = self._battle(control, recording)
        clean = CandidateAudio(recording.audio_name, recording.seconds)
        sides = {"a": clean, "b": clean}
        if battle.expected:
            noisy = await asyncio.to_thread(
                spoiled, await self._audio.get(recording.audio_name), self._rng.getrandbits(32)
            )
            # If this process dies before the battle opens, `_delete_spoiled` finds what it has stored by the battle.
            async with self._database.transaction() as connection:
                await _add(connection, dataclasses.replace(battle, status=BattleStatus.VOID))
            await self._audio.put(_spoiled_name(battle.id), noisy)
            sides["b" if battle.expected == "a" else "a"] = CandidateAudio(_spoiled_name(battle.id), recording.seconds)
        pair = Pair(key=SIDES, text=battle.text, first=[sides["a"]], second=[sides["b"]], target_lufs=MAX_TARGET_LUFS)
        closes_at = self._clock() + self._open_duration
        async with self._database.transaction() as connection:
            if battle.expected:
                await connection.execute(sa.delete(BATTLES).where(_B.id == battle.id))
            await _add(connection, dataclasses.replace(battle, closes_at=closes_at))
            await self._listening.open(connection, ListeningTest(battle.id, self._votes, closes_at), [pair])

    def _battle(self, control: Control, recording: _Recording) -> Battle:
        moment = self._clock()
        return dataclasses.replace(
            recording.battle,
            id=ids.new_id("bat"),
            status=BattleStatus.OPEN,
            developer_id=INSTALLATION,
            model_a_id=recording.model_id,
            model_a_seq=recording.model_seq,
            model_b_id=recording.model_id,
            model_b_seq=recording.model_seq,
            render_a_id=recording.render_id,
            render_b_id=recording.render_id,
            created_at=moment,
            opened_at=moment,
            decided_at=None,
            drawn=self._rng.random(),
            # Before the vote it looks like any other.
            rated=True,
            unrated_reason="",
            chosen=False,
            candidates=0,
            probability=None,
            window_points=None,
            inside_window=False,
            swaps=0,
            control=control,
            expected=self._rng.choice("ab") if control is Control.GOLD else "",
            winner=None,
            vote_source=None,
            elo_delta=None,
            metric_vote=None,
            votes_a=0,
            votes_b=0,
            votes_tie=0,
            votes_both_bad=0,
            traceparent="",
            webhook_url="",
        )

    async def _delete_spoiled(self) -> None:
        """Deletes the spoiled audio of battles that ended some time ago, or that never opened."""
        before = self._clock() - KEPT_AFTER_END
        gold = _B.control == Control.GOLD
        decided = sa.and_(
            _B.status == BattleStatus.DECIDED,
            _B.decided_at < before,
            _B.decided_at >= self._spoiled_deleted_until,
            sa.exists().where(
                PAIRS.c.test_id == _B.id, PAIRS.c.first_speech != sa.cast("[]", PAIRS.c.first_speech.type)
            ),
        )
        unopened = sa.and_(_B.status == BattleStatus.VOID, _B.created_at < before)
        async with self._database.reading() as connection:
            query = sa.select(_B.id, _B.status).where(gold, sa.or_(decided, unopened))
            found = (await connection.execute(query)).all()
        for battle_id, status in found:
            try:
                await self._audio.delete(_spoiled_name(battle_id))
            except Unavailable as error:
                log.warning("spoiled audio can't be deleted", battle=battle_id, error=str(error))
                return
            async with self._database.transaction() as connection:
                if status == BattleStatus.VOID:
                    await connection.execute(sa.delete(BATTLES).where(_B.id == battle_id))
                else:
                    await self._listening.forget_audio(connection, [battle_id])
        self._spoiled_deleted_until = before


def _spoiled_name(battle_id: str) -> str:
    return f"{SPOILED_PREFIX}_{battle_id.removeprefix('bat_')}.wav"


async def _add(connection: AsyncConnection, battle: Battle) -> None:
    values = {column.name: getattr(battle, column.name) for column in BATTLE_COLUMNS if column.name != "seq"}
    await connection.execute(sa.insert(BATTLES).values(values))


async def _open_battles(connection: AsyncConnection) -> dict[Control, int]:
    query = sa.select(_B.control, sa.func.count()).where(_B.control != Control.NONE, _B.status == BattleStatus.OPEN)
    return {Control(control): count for control, count in await connection.execute(query.group_by(_B.control))}
