"""Recordings of scenarios: which can be uploaded, and how one becomes a render."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo import facts
from services.elo.domain import ModelKind
from services.elo.recordings.store import (
    RecordedModel,
    RecordedRender,
    RecordingsSoFar,
    RecordingStore,
    ScenarioText,
)
from services.elo.rendering.store import lock_renders
from services.runtime import inbox, outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import FieldViolation, InvalidInput, NotFound, WrongState
from services.runtime.identity import current_identity
from services.runtime.telemetry import current_traceparent
from services.shared.audio.spoken_length import max_seconds, min_seconds
from services.shared.clips.domain import HeardSpeech
from services.shared.metrics import Measurements

log = structlog.get_logger()

EVALUATION_PREFIX, RENDER_PREFIX = "evl_", "rnd_"
CONSUMER = "recordings"
SETTLED = "settled recordings"
"""The name under which the record of processed events has evaluations that have a render or were deleted."""
KNOWN = "it has a render"


class AudioFiles(Protocol):
    """The part of `services.runtime.audio_store.AudioStore` that is needed here."""

    async def get(self, name: str) -> bytes: ...

    async def put(self, name: str, data: bytes) -> None: ...

    async def delete(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedRecording:
    """A recording that scoring has evaluated."""

    evaluation_id: str
    developer_id: str
    model_id: str
    scenario_id: str
    audio_name: str
    """A WAV of 16-bit mono PCM in the audio store, which is deleted later."""
    seconds: float
    audible: bool
    """Whether anything can be heard in it."""
    measurements: Measurements
    heard: HeardSpeech | None


@dataclass(frozen=True, slots=True)
class CheckedRecording:
    """What has to be spoken in a recording."""

    text: str
    language: str
    takes_part: bool
    """Whether it can be a side of battles."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a recording is of, and why it can't take part. The reason is empty if it can."""

    reason: str
    model: RecordedModel | None = None
    scenario: ScenarioText | None = None
    so_far: RecordingsSoFar | None = None


class Recordings:
    """The use cases over one database and the audio store.

    A recording becomes a completed render with its own copy of the audio. The recordings of a model and a scenario are
    fixed when the first battle with both is made, so that nobody replaces what was voted on.
    """

    def __init__(self, database: Database, store: RecordingStore, audio: AudioFiles, max_recordings: int) -> None:
        """`max_recordings` is the number of recordings of a scenario by one model. Battles draw one of them."""
        self._database = database
        self._store = store
        self._audio = audio
        self._max_recordings = max_recordings

    async def check(self, model_id: str, scenario_id: str) -> CheckedRecording:
        """Returns what the caller has to record. The model is empty if unknown.

        Raises InvalidInput unless the scenario is visible to the caller and a recorded model is theirs, and WrongState
        if no further recording can take part.
        """
        caller = current_identity().developer_id
        async with self._database.reading() as connection:
            scenario = await self._store.scenario(connection, scenario_id)
            if scenario is None or not scenario.is_visible_to(caller):
                description = "must be the id of a public scenario or of one of yours, as in /api/v1/scenarios"
                raise InvalidInput.of(FieldViolation("scenario_id", description))
            model = await self._store.model(connection, model_id) if model_id else None
            if model is None or model.kind is not ModelKind.RECORDED:
                return CheckedRecording(scenario.text, scenario.language, takes_part=False)
            if model.developer_id != caller:
                description = (
                    "must be one of your voice models, because only the owner of a recorded model uploads for it"
                )
                raise InvalidInput.of(FieldViolation("model_id", description))
            so_far = await self._store.so_far(connection, model_id, scenario_id)
        if reason := self._refusal(scenario, so_far):
            raise WrongState(reason)
        return CheckedRecording(scenario.text, scenario.language, takes_part=True)

    async def take(self, recording: EvaluatedRecording, event_id: str) -> None:
        """Makes a recording a render when it arrives first, and confirms the fact each time.

        A recording that can't take part is ignored: its evaluation stays as it is.
        """
        render_id = _render_id(recording.evaluation_id)
        async with self._database.reading() as connection:
            reason = (await self._settle(connection, recording, render_id)).reason
        sha256 = b""
        if not reason:
            try:
                content = await self._audio.get(recording.audio_name)
            except NotFound:
                reason = "its audio was deleted"
            else:
                # The name is the same each time, so a repeated event leaves one copy.
                await self._audio.put(_audio_name(render_id), content)
                sha256 = hashlib.sha256(content).digest()
        async with self._database.transaction() as connection:
            await outbox.add(connection, facts.fact_confirmed(event_id))
            if not await inbox.first_time(connection, CONSUMER, event_id):
                return
            if not reason:
                reason = await self._add(connection, recording, render_id, sha256)
        if reason:
            log.info("a recording takes no part in battles", evaluation_id=recording.evaluation_id, reason=reason)
            if sha256 and reason != KNOWN:
                await self._audio.delete(_audio_name(render_id))

    async def forget(self, evaluation_id: str, event_id: str) -> None:
        """Deletes the render of an evaluation that was deleted, unless a battle could have used it."""
        render_id = _render_id(evaluation_id)
        async with self._database.transaction() as connection:
            if not await inbox.first_time(connection, CONSUMER, event_id):
                return
            # If the recording arrives only now, it is ignored.
            await inbox.first_time(connection, SETTLED, evaluation_id)
            spoken = await self._store.spoken(connection, render_id)
            if spoken is None:
                return
            await lock_renders(connection, *spoken)
            removed = await self._store.remove_unused(connection, render_id)
        if removed:
            await self._audio.delete(_audio_name(render_id))

    async def _add(
        self, connection: AsyncConnection, recording: EvaluatedRecording, render_id: str, sha256: bytes
    ) -> str:
        """Adds the render. Returns why it can't be added, empty if it was."""
        await lock_renders(connection, recording.model_id, recording.scenario_id)
        settled = await self._settle(connection, recording, render_id)
        model, scenario, so_far = settled.model, settled.scenario, settled.so_far
        if settled.reason or model is None or scenario is None or so_far is None:
            return settled.reason
        if not await inbox.first_time(connection, SETTLED, recording.evaluation_id):
            return "its evaluation was deleted"
        render = RecordedRender(
            id=render_id,
            evaluation_id=recording.evaluation_id,
            audio_name=_audio_name(render_id),
            audio_sha256=sha256,
            measurements=recording.measurements,
            heard=recording.heard,
            traceparent=current_traceparent(),
            at=now(),
        )
        await self._store.add(connection, model, scenario, so_far.next_number, render)
        return ""

    async def _settle(self, connection: AsyncConnection, recording: EvaluatedRecording, render_id: str) -> Settled:
        """Finds what the recording is of, and says why it can't take part."""
        if not recording.audio_name:
            return Settled("it names no voice model or no scenario")
        model = await self._store.model(connection, recording.model_id)
        scenario = await self._store.scenario(connection, recording.scenario_id)
        if model is None or scenario is None or model.kind is not ModelKind.RECORDED:
            return Settled("its voice model is not recorded")
        if model.developer_id != recording.developer_id or not scenario.is_visible_to(recording.developer_id):
            return Settled("its voice model or its scenario belongs to somebody else")
        if not recording.audible:
            return Settled("it is silent from beginning to end")
        if not min_seconds(scenario.text) <= recording.seconds <= max_seconds(scenario.text):
            return Settled("it is too short or too long for the text of its scenario")
        if await self._store.spoken(connection, render_id) is not None:
            return Settled(KNOWN)
        so_far = await self._store.so_far(connection, model.id, scenario.id)
        return Settled(self._refusal(scenario, so_far), model, scenario, so_far)

    def _refusal(self, scenario: ScenarioText, so_far: RecordingsSoFar) -> str:
        """Returns why no further recording can take part, in a sentence. Empty if one can."""
        if scenario.archived:
            return "The scenario is archived, so no battle would use the recording. Choose another scenario."
        if so_far.used:
            return (
                "A battle has used the recordings of this voice model for this scenario, so they are fixed. Register a "
                "new voice model for a new version."
            )
        if len(so_far.numbers) >= self._max_recordings:
            return (
                f"This voice model has {len(so_far.numbers)} recordings of this scenario, which is the limit. Delete "
                "the evaluation of one of them first."
            )
        return ""


def _render_id(evaluation_id: str) -> str:
    """Returns the id of the render of an evaluation. An evaluation has one render at most."""
    return f"{RENDER_PREFIX}{evaluation_id.removeprefix(EVALUATION_PREFIX)}"


def _audio_name(render_id: str) -> str:
    return f"{render_id}.wav"
