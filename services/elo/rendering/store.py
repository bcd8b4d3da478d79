"""The queries about renders, besides those of clips."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue.conditions import of_voice
from services.elo.catalogue.tables import KNOWN_VOICES, VOICE_MODELS
from services.elo.domain import ModelKind, Visibility
from services.elo.rendering.domain import FAILURE_PAUSE, MAX_FAILURES, MAX_WAIT, Render
from services.elo.tables import BATTLES, RENDER_PROVIDERS, RENDERS, SCENARIOS
from services.runtime import ids
from services.runtime.named_locks import lock_name
from services.shared.clips.domain import ClipStatus
from services.shared.metrics import METRICS, Measurements

_R, _M, _S = RENDERS.c, VOICE_MODELS.c, SCENARIOS.c
_OWN = ("id", "voice_model_id", "scenario_id", "status", "evaluation_id", "audio_name", "audio_sha256", "error_kind")
_METRICS = [_R[metric.name] for metric in METRICS]
_USABLE = sa.and_(_R.status == ClipStatus.COMPLETED, _R.audio_name.is_not(None))
UNFINISHED = (ClipStatus.PENDING, ClipStatus.SYNTHESIZING, ClipStatus.SCORING)


@dataclass(frozen=True, slots=True)
class RendersOfModel:
    """The renders of one scenario by one model."""

    usable: Sequence[str] = ()
    unfinished: Sequence[str] = ()
    failed_lately: bool = False


NO_RENDERS = RendersOfModel()


async def lock_renders(connection: AsyncConnection, model_id: str, scenario_id: str) -> None:
    """Lets nobody else add or remove a render of a scenario by a model until the transaction ends."""
    await lock_name(connection, f"renders of {scenario_id} by {model_id}")


class RenderStore:
    """Each method runs in the transaction of `connection`, if it has one."""

    async def get(self, connection: AsyncConnection, render_ids: Collection[str]) -> Mapping[str, Render]:
        """Returns renders by id."""
        heard = _R.heard_speech["transcript"].astext.label("transcript")
        query = sa.select(*(_R[name] for name in _OWN), heard, *_METRICS).where(_R.id.in_(render_ids))
        return {row.id: _render(row) for row in await connection.execute(query)}

    async def of_scenario(
        self, connection: AsyncConnection, scenario_id: str, at: datetime, models: Collection[str] | None = None
    ) -> Mapping[str, RendersOfModel]:
        """Returns the renders of a scenario by model: of these models, or of all. Models without any are left out."""
        failed = sa.and_(_R.status == ClipStatus.FAILED, _R.ended_at > at - FAILURE_PAUSE)
        query = (
            sa.select(
                _R.voice_model_id,
                sa.func.array_remove(sa.func.array_agg(sa.case((_USABLE, _R.id))), None).label("usable"),
                sa.func.array_remove(sa.func.array_agg(sa.case((_R.status.in_(UNFINISHED), _R.id))), None).label(
                    "unfinished"
                ),
                sa.func.bool_or(failed).label("failed_lately"),
            )
            .where(_R.scenario_id == scenario_id)
            .group_by(_R.voice_model_id)
        )
        if models is not None:
            query = query.where(_R.voice_model_id.in_(models))
        return {
            row.voice_model_id: RendersOfModel(row.usable, row.unfinished, row.failed_lately)
            for row in await connection.execute(query)
        }

    async def scenarios_of(self, connection: AsyncConnection, model_id: str) -> Collection[str]:
        """Returns the scenarios of which a model has a usable render."""
        query = sa.select(_R.scenario_id).where(_R.voice_model_id == model_id, _USABLE).distinct()
        return set((await connection.execute(query)).scalars())

    async def add(
        self, connection: AsyncConnection, model_id: str, scenario_id: str, *, traceparent: str, at: datetime
    ) -> str:
        """Adds the next render of a scenario by a model of kind tts, and returns its id.

        The voice and the text are copied in this statement, so they are those of this moment.
        """
        render_id = ids.new_id("rnd")
        number = (
            sa.select(sa.func.coalesce(sa.func.max(_R.number) + 1, 0))
            .where(_R.voice_model_id == model_id, _R.scenario_id == scenario_id)
            .scalar_subquery()
        )
        language = _M.parameters["language"].astext
        values: dict[str, Any] = {
            "id": sa.literal(render_id),
            "voice_model_id": _M.id,
            "scenario_id": _S.id,
            "number": number,
            # What is private belongs to its developer. The rest belongs to whoever owns the model.
            "developer_id": sa.case((_S.visibility == Visibility.PRIVATE, _S.developer_id), else_=_M.developer_id),
            "traceparent": sa.literal(traceparent),
            "text": _S.ground_truth_transcript,
            "evaluation_id": sa.literal(render_id),
            "created_at": sa.literal(at),
            "provider": _M.provider,
            "voice_id": _M.voice_id,
            "model_id": _M.model_id,
            "speed": sa.cast(_M.parameters["speed"].astext, sa.Double),
            "language": language,
            "seed": sa.cast(_M.parameters["seed"].astext, sa.BigInteger),
            # A voice of unknown language is expected to speak that of the text.
            "spoken_language": sa.func.coalesce(sa.func.nullif(KNOWN_VOICES.c.language, ""), _S.language),
            "status": sa.literal(ClipStatus.PENDING.value),
            "attempts": sa.literal(0),
            "attempts_before": sa.literal(0),
            "provider_requests": sa.literal(0),
            "requested_at": sa.literal(at),
            "error_kind": sa.literal(""),
            "error_message": sa.literal(""),
        }
        source = (
            sa.select(*(value.label(name) for name, value in values.items()))
            .select_from(VOICE_MODELS.outerjoin(KNOWN_VOICES, of_voice()).join(SCENARIOS, sa.true()))
            .where(_M.id == model_id, _S.id == scenario_id)
        )
        await connection.execute(sa.insert(RENDERS).from_select(list(values), source))
        return render_id

    async def record_hash(self, connection: AsyncConnection, render_id: str, sha256: bytes) -> None:
        """Stores the digest of a render's audio."""
        await connection.execute(sa.update(RENDERS).where(_R.id == render_id).values(audio_sha256=sha256))

    async def forget_audio(self, connection: AsyncConnection, render_ids: Collection[str], at: datetime) -> None:
        """Records that renders can't be heard any more."""
        gone = sa.update(RENDERS).where(_R.id.in_(render_ids))
        await connection.execute(gone.values(audio_name=None, audio_deleted_at=at))

    async def audio_due(self, connection: AsyncConnection, before: datetime, limit: int) -> Sequence[str]:
        """Returns and locks renders with audio that ended before this time, if no unfinished battle needs them.

        Skips those that others have locked, such as battles that are being made with them.
        """
        side = sa.or_(BATTLES.c.render_a_id == _R.id, BATTLES.c.render_b_id == _R.id)
        needed = sa.exists().where(side, BATTLES.c.status.in_(("preparing", "open")))
        query = (
            sa.select(_R.id)
            .join(VOICE_MODELS, _M.id == _R.voice_model_id)
            .where(_R.ended_at < before, _R.audio_name.is_not(None), _M.kind == ModelKind.TTS, ~needed)
            .order_by(_R.ended_at)
            .limit(limit)
            .with_for_update(of=RENDERS, skip_locked=True)
        )
        return (await connection.execute(query)).scalars().all()

    async def battles_with(self, connection: AsyncConnection, render_ids: Collection[str]) -> Collection[str]:
        """Returns the battles that have one of these renders."""
        side = sa.or_(BATTLES.c.render_a_id.in_(render_ids), BATTLES.c.render_b_id.in_(render_ids))
        return (await connection.execute(sa.select(BATTLES.c.id).where(side))).scalars().all()

    async def sitting_out(self, connection: AsyncConnection, at: datetime) -> Collection[str]:
        """Returns the models that do not get any speech made at the moment.

        Within FAILURE_PAUSE they have failed MAX_FAILURES times and never succeeded, or a render of theirs has waited
        for MAX_WAIT while none was completed.
        """
        failed = sa.func.count().filter(_R.status == ClipStatus.FAILED)
        succeeded = sa.func.count().filter(_R.status == ClipStatus.COMPLETED)
        failing = sa.select(_R.voice_model_id).where(_R.ended_at > at - FAILURE_PAUSE).group_by(_R.voice_model_id)
        done_lately = RENDERS.alias()
        waiting = sa.select(_R.voice_model_id).where(
            _R.status.in_([sa.literal_column(f"'{status}'") for status in UNFINISHED]),
            _R.created_at < at - MAX_WAIT,
            ~sa.exists().where(
                done_lately.c.voice_model_id == _R.voice_model_id,
                done_lately.c.status == ClipStatus.COMPLETED,
                done_lately.c.ended_at > at - MAX_WAIT,
            ),
        )
        query = failing.having(failed >= MAX_FAILURES, succeeded == 0).union(waiting)
        return set((await connection.execute(query)).scalars())

    async def hosted(self, connection: AsyncConnection, since: datetime) -> Mapping[str, int]:
        """Returns how many renders each provider that is not on this machine was asked for since then."""
        asked = sa.and_(_R.provider == RENDER_PROVIDERS.c.id, _R.created_at >= since)
        query = (
            sa.select(RENDER_PROVIDERS.c.id, sa.func.count(_R.id))
            .select_from(RENDER_PROVIDERS.outerjoin(RENDERS, asked))
            .where(~RENDER_PROVIDERS.c.local)
            .group_by(RENDER_PROVIDERS.c.id)
        )
        return {row[0]: row[1] for row in await connection.execute(query)}


def _render(row: Any) -> Render:
    values = {name: getattr(row, name) for name in _OWN}
    values["status"] = ClipStatus(values["status"])
    measured = Measurements(**{metric.name: getattr(row, metric.name) for metric in METRICS})
    return Render(**values, transcript=row.transcript or "", measurements=measured)
