"""The queries by which battles are made, opened and voided."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from google.protobuf.json_format import MessageToDict
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.elo.v1.battle_pb2 import MetricVote as MetricVoteMessage

from services.elo.battles.domain import Battle, BattleStatus
from services.elo.battles.views import BATTLE_COLUMNS, battle_from
from services.elo.domain import INSTALLATION, Visibility
from services.elo.scenarios.conditions import in_language
from services.elo.tables import BATTLES, BATTLES_CHANGED, RENDERS
from services.runtime.db import notify
from services.runtime.request_ids import EarlierRequest
from services.shared.clips.domain import ClipStatus

_B = BATTLES.c
_FIELDS = [column.name for column in BATTLE_COLUMNS]
_ENDED = [status for status in ClipStatus if status.ended]


class BattleStore:
    """Each method runs in the transaction of `connection`, if it has one."""

    async def get(self, connection: AsyncConnection, battle_id: str, *, lock: bool = False) -> Battle | None:
        """Returns a battle, None if it does not exist. With `lock`, locks its row until the transaction ends."""
        query = sa.select(*BATTLE_COLUMNS).where(_B.id == battle_id)
        row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
        return battle_from(row) if row else None

    async def add(
        self, connection: AsyncConnection, battle: Battle, request_id: str = "", fingerprint: bytes | None = None
    ) -> None:
        """Adds a battle."""
        values = {name: getattr(battle, name) for name in _FIELDS if name != "seq"}
        request = {"request_id": request_id, "request_fingerprint": fingerprint} if request_id else {}
        await connection.execute(sa.insert(BATTLES).values(**values, **request))

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[Battle] | None:
        """Returns the battle that an earlier request with this id has created."""
        query = sa.select(_B.request_fingerprint, *BATTLE_COLUMNS)
        row = (
            await connection.execute(query.where(_B.developer_id == developer_id, _B.request_id == request_id))
        ).one_or_none()
        if row is None:
            return None
        battle = battle_from(row[1:])
        return EarlierRequest(battle, row[0], battle.created_at)

    async def unfinished(self, connection: AsyncConnection, developer_id: str) -> int:
        """Returns how many battles of a developer are preparing or open."""
        query = sa.select(sa.func.count()).select_from(BATTLES)
        return (
            await connection.execute(query.where(sa.or_(_PREPARING, _OPEN), _B.developer_id == developer_id))
        ).scalar_one()

    async def settle(
        self,
        connection: AsyncConnection,
        models: Sequence[str],
        scenario_id: str,
        text: str,
        at: datetime,
        *,
        public: bool,
    ) -> bool:
        """Records that models and a scenario have a battle, after which they can't be changed.

        Returns False, and records nothing, if one of them was changed since it was read: the scenario has another text,
        or a public battle would have a private model or scenario.
        """
        settled = {"ids": list(models), "id": scenario_id, "at": at}
        unused = (await connection.execute(_UNUSED_MODELS, settled)).scalars().all()
        scenario = (await connection.execute(_UNUSED_SCENARIO, settled)).one_or_none()
        visibilities = [*unused, *([scenario.visibility] if scenario else [])]
        if (public and Visibility.PRIVATE in visibilities) or (scenario and scenario.ground_truth_transcript != text):
            return False
        if unused:
            await connection.execute(_SETTLE_MODELS, settled)
        if scenario:
            await connection.execute(_SETTLE_SCENARIO, settled)
        return True

    async def to_advance(self, connection: AsyncConnection, limit: int) -> Sequence[str]:
        """Returns preparing battles whose next step is due, the oldest first: a side has failed or both are ready."""
        side_a, side_b = RENDERS.alias("side_a"), RENDERS.alias("side_b")
        ended = [side.c.status.in_(_ENDED) for side in (side_a, side_b)]
        broken = [
            sa.and_(
                side.c.status.in_(_ENDED), sa.or_(side.c.status != ClipStatus.COMPLETED, side.c.audio_name.is_(None))
            )
            for side in (side_a, side_b)
        ]
        query = (
            sa.select(_B.id)
            .join(side_a, side_a.c.id == _B.render_a_id)
            .join(side_b, side_b.c.id == _B.render_b_id)
            .where(_PREPARING, sa.or_(sa.and_(*ended), *broken))
            .order_by(_B.created_at)
            .limit(limit)
        )
        return (await connection.execute(query)).scalars().all()

    async def swap(self, connection: AsyncConnection, battle: Battle) -> None:
        """Stores the models and renders of a battle after a broken side was replaced, and how they were drawn."""
        await self._change(connection, battle, *_SIDES, "rated", "unrated_reason", "swaps", *_DRAW)

    async def open(self, connection: AsyncConnection, battle: Battle) -> None:
        """Opens a battle, and notifies its watchers."""
        await self._change(connection, battle, "status", "rated", "unrated_reason", "opened_at", "closes_at")

    async def record_metric_vote(
        self, connection: AsyncConnection, battle_id: str, vote: MetricVoteMessage, elo_delta: float
    ) -> None:
        """Stores the vote of the metrics, and what side A has gained by it."""
        stored = MessageToDict(vote, preserving_proto_field_name=True)
        of_battle = sa.update(BATTLES).where(_B.id == battle_id)
        await connection.execute(of_battle.values(metric_vote=stored, elo_delta=elo_delta))

    async def void(self, connection: AsyncConnection, battle: Battle) -> None:
        """Stores that a battle is void, and notifies its watchers."""
        await self._change(connection, battle, "status", "void_reason", "decided_at")

    async def without_battle(self, connection: AsyncConnection, model_ids: Sequence[str]) -> Sequence[str]:
        """Returns those of the models that never had a battle, without recorded ones that have no recording."""
        return (await connection.execute(_WITHOUT_BATTLE, {"ids": list(model_ids)})).scalars().all()

    async def made_since(self, connection: AsyncConnection, since: datetime) -> int:
        """Returns how many battles were made since then, without those that test their voter."""
        query = sa.select(sa.func.count()).select_from(BATTLES).where(_B.created_at >= since, _B.control == "")
        return (await connection.execute(query)).scalar_one()

    async def in_pool(self, connection: AsyncConnection, preparing_since: datetime) -> Mapping[tuple[str, str], int]:
        """Returns the public battles by category and language without region: open, or preparing since then."""
        language = sa.func.lower(sa.func.split_part(_B.language, "-", 1))
        counts: Counter[tuple[str, str]] = Counter()
        for status, *more in ((_OPEN,), (_PREPARING, _B.created_at >= preparing_since)):
            query = sa.select(_B.category, language, sa.func.count()).where(
                status, *more, _B.owner == INSTALLATION, _B.control == ""
            )
            for category, family, battles in await connection.execute(query.group_by(_B.category, language)):
                counts[category, family] += battles
        return counts

    async def preparing_since(self, connection: AsyncConnection, since: datetime, category: str, language: str) -> int:
        """Returns how many public battles are being prepared since then. Empty filters match all."""
        query = sa.select(sa.func.count()).select_from(BATTLES)
        query = query.where(_PREPARING, _B.created_at >= since, _B.owner == INSTALLATION)
        if category:
            query = query.where(_B.category == category)
        if language:
            query = query.where(in_language(_B.language, language))
        return (await connection.execute(query)).scalar_one()

    async def _change(self, connection: AsyncConnection, battle: Battle, *names: str) -> None:
        values = {name: getattr(battle, name) for name in names}
        await connection.execute(sa.update(BATTLES).where(_B.id == battle.id).values(values))
        await notify(connection, BATTLES_CHANGED, battle.id)


_SIDES = ("model_a_id", "model_a_seq", "model_b_id", "model_b_seq", "render_a_id", "render_b_id")
_DRAW = ("candidates", "probability", "window_points", "inside_window")
# Written as in the partial indexes.
_OPEN = _B.status == sa.literal_column(f"'{BattleStatus.OPEN}'")
_PREPARING = _B.status == sa.literal_column(f"'{BattleStatus.PREPARING}'")
_WITHOUT_BATTLE = sa.text(
    "SELECT id FROM voice_models WHERE id = ANY(:ids) AND first_battle_at IS NULL AND (kind = 'tts' OR EXISTS"
    " (SELECT FROM renders WHERE voice_model_id = voice_models.id AND status = 'completed' AND audio_name IS NOT NULL))"
)
# Always in the same order, so that no two battles wait for each other.
_UNUSED_MODELS = sa.text(
    "SELECT visibility FROM voice_models WHERE id = ANY(:ids) AND first_battle_at IS NULL ORDER BY id FOR UPDATE"
)
_UNUSED_SCENARIO = sa.text(
    "SELECT visibility, ground_truth_transcript FROM scenarios WHERE id = :id AND first_battle_at IS NULL FOR UPDATE"
)
_SETTLE_MODELS = sa.text(
    "UPDATE voice_models SET first_battle_at = :at WHERE id = ANY(:ids) AND first_battle_at IS NULL"
)
_SETTLE_SCENARIO = sa.text("UPDATE scenarios SET first_battle_at = :at WHERE id = :id")
