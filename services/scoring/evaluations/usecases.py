"""Evaluations of recordings: created, read, repeated, cancelled and deleted."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime import ids, outbox
from services.runtime.clock import now
from services.runtime.db import Database, notify
from services.runtime.errors import FieldViolation, InvalidInput, NotFound, WrongState
from services.runtime.identity import current_identity, owned
from services.runtime.pages import Pages
from services.runtime.request_ids import current_fingerprint
from services.runtime.telemetry import current_traceparent
from services.runtime.validation import Validation
from services.scoring.domain import Status
from services.scoring.evaluations import facts
from services.scoring.evaluations.clients import Catalogue
from services.scoring.evaluations.domain import (
    DEFAULT_LANGUAGE,
    MAX_ID_CHARACTERS,
    PREFIX,
    WAV,
    Evaluation,
    EvaluationDetails,
    EvaluationPlan,
    StoredRecording,
    check,
    check_quota,
    of_scenario,
    safe_content_type,
)
from services.scoring.evaluations.recordings import Recordings
from services.scoring.evaluations.steps import close_steps, pending_steps
from services.scoring.evaluations.store import Run, Store
from services.scoring.pipeline.evaluating import chosen_steps
from services.scoring.pipeline.steps import STEPS
from services.scoring.pipeline.work import SPLIT
from services.scoring.workers.job import CONDITIONS
from services.shared.webhook_endpoints import WebhookEndpointClient, secret_if_available

log = structlog.get_logger()

CHANGED = "scoring_changed"
"""The channel of changes. Whatever changes an evaluation or one of its steps sends the evaluation's id."""
WAITING = "scoring_waiting"
"""The channel that says that an evaluation waits for its turn."""
CANCELLED = "The evaluation was cancelled."
_ID = re.compile(r"[a-z]{2,8}_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an upload has to know before its bytes are read."""

    recording_name: str
    """The name under which to store the recording."""
    earlier: Evaluation | None
    """What the same request made before. There is nothing to upload then."""
    plan: EvaluationPlan
    """What to evaluate, with the text and the language of the scenario."""


class Evaluations:
    """The use cases over one database and the recordings in the audio store.

    An upload calls `prepare`, stores the recording under the name that it gets, and calls `start`. If it breaks off, it
    calls `Recordings.discard`. If its process ends, the recording is deleted later.
    """

    def __init__(
        self,
        database: Database,
        store: Store,
        recordings: Recordings,
        catalogue: Catalogue,
        webhooks: WebhookEndpointClient,
        pages: Pages,
        max_evaluations: int,
    ) -> None:
        self._database = database
        self._store = store
        self._recordings = recordings
        self._catalogue = catalogue
        self._webhooks = webhooks
        self._pages = pages
        self._max_evaluations = max_evaluations

    async def prepare(self, plan: EvaluationPlan) -> Prepared:
        """Checks what is asked of an upload before its bytes are read, and names the recording.

        Raises InvalidInput that names every invalid field, WrongState, QuotaExceeded and Busy.
        """
        valid = Validation()
        valid.require(not plan.audio_name, "audio_name", "must be empty in an upload")
        valid.finish()
        plan = await self.check(plan)
        async with self._database.transaction() as connection:
            kept, waiting = await self._store.count(connection, current_identity().developer_id)
            earlier = await self._earlier(connection, plan)
            if earlier is None:
                check_quota(kept, waiting, self._max_evaluations)
        return Prepared("", earlier, plan) if earlier else Prepared(await self._recordings.expect(), None, plan)

    async def create(self, plan: EvaluationPlan) -> Evaluation:
        """Creates an evaluation of audio that is stored already.

        Raises what `prepare` raises, and NotFound unless the audio is the caller's.
        """
        valid = Validation()
        description = "must be the name of stored audio; upload the recording if it is not stored yet"
        if valid.require(bool(plan.audio_name), "audio_name", description):
            valid.text(plan.audio_name, "audio_name", max_characters=MAX_ID_CHARACTERS)
        valid.finish()
        plan = await self.check(plan)
        async with self._database.reading() as connection:
            if (earlier := await self._earlier(connection, plan)) is not None:
                return earlier
            known = await self._store.find_audio(connection, current_identity().developer_id, plan.audio_name)
        if known is None or known.audio_deleted_at or not await self._recordings.exists(plan.audio_name):
            raise NotFound.of("audio", plan.audio_name[:200])
        return await self.start(plan, StoredRecording(plan.audio_name, known.content_type or WAV))

    async def start(self, plan: EvaluationPlan, recording: StoredRecording) -> Evaluation:
        """Adds the evaluation of a recording that is stored, and returns at once. It waits for its turn.

        `plan` is what `prepare` or `check` returned. Raises QuotaExceeded and Busy. A repeated request returns what the
        first one made, and an uploaded recording is then deleted. If `start` raises, the caller has to discard an
        uploaded recording.
        """
        evaluation = _evaluation(plan, recording, current_identity().developer_id)
        async with self._database.transaction() as connection:
            kept, waiting = await self._store.count(connection, evaluation.developer_id)
            # The same request may have made it while this one waited.
            earlier = await self._earlier(connection, plan)
            if earlier is None:
                check_quota(kept, waiting, self._max_evaluations)
                await self._store.add(
                    connection, evaluation, pending_steps(evaluation), plan.request_id, current_fingerprint()
                )
                if recording.uploaded:
                    await self._recordings.use(connection, recording.name)
                await notify(connection, WAITING, evaluation.id)
        if earlier is None:
            return evaluation
        if recording.uploaded:
            await self._recordings.discard(recording.name)
        return earlier

    async def secret_to_show(self, evaluation: Evaluation) -> str:
        """Returns the secret of the webhook endpoint that this or an earlier evaluation made, unless it was shown."""
        return await secret_if_available(self._webhooks, evaluation.webhook_url)

    async def find(self, evaluation_id: str) -> Evaluation:
        """Returns an evaluation of the caller without its steps. Raises NotFound if there is none."""
        check_id(evaluation_id)
        async with self._database.reading() as connection:
            return owned(await self._store.get(connection, evaluation_id), "evaluation", evaluation_id)

    async def get(self, evaluation_id: str) -> EvaluationDetails:
        """Returns an evaluation of the caller, also that of a trial. Raises NotFound if there is none."""
        check_id(evaluation_id)
        async with self._database.reading() as connection:
            found = owned(await self._store.get(connection, evaluation_id), "evaluation", evaluation_id)
            return EvaluationDetails(found, await self._store.outcomes(connection, evaluation_id))

    async def page(
        self, model_id: str, scenario_id: str, status: str, page_size: int, page_token: str
    ) -> tuple[Sequence[Evaluation], str]:
        """Returns a page of the caller's evaluations, newest first, and the token of the next page."""
        valid = Validation()
        valid.text(model_id, "model_id", max_characters=MAX_ID_CHARACTERS, min_characters=0)
        valid.text(scenario_id, "scenario_id", max_characters=MAX_ID_CHARACTERS, min_characters=0)
        if status:
            valid.one_of(status, "status", tuple(each.value for each in Status))
        valid.finish()
        developer_id = current_identity().developer_id
        filters = {"model_id": model_id, "scenario_id": scenario_id, "status": status}

        async def fetch(after: tuple[datetime, str] | None, limit: int) -> Sequence[Evaluation]:
            async with self._database.reading() as connection:
                return await self._store.page(connection, developer_id, **filters, after=after, limit=limit)

        holds_for = {"list": "evaluations", "developer_id": developer_id, **filters}
        return await self._pages.page(page_size, page_token, holds_for, fetch, lambda one: (one.created_at, one.id))

    async def audio(self, evaluation_id: str) -> tuple[str, AsyncIterator[bytes]]:
        """Returns the content type and the pieces of a recording. Raises NotFound if it was deleted."""
        found = await self._with_recording(evaluation_id)
        return found.content_type or WAV, self._recordings.open(found.audio_name)

    async def audio_name(self, evaluation_id: str) -> str:
        """Returns the name of the recording of the caller's evaluation. Raises NotFound if it was deleted."""
        return (await self._with_recording(evaluation_id)).audio_name

    async def retry(self, evaluation_id: str) -> Evaluation:
        """Evaluates a recording again. Raises WrongState unless the evaluation has ended and its audio exists."""
        check_id(evaluation_id)
        async with self._database.reading() as connection:
            found = owned(await self._store.get(connection, evaluation_id), "evaluation", evaluation_id)
        exists = found.audio_deleted_at is None and await self._recordings.exists(found.audio_name)
        async with self._database.transaction() as connection:
            found = await self._locked(connection, evaluation_id, "retried")
            if not found.ended:
                raise WrongState(
                    f"The evaluation is {found.status.value}. Only one that has ended can be retried.",
                    status=found.status.value,
                )
            if not exists or found.audio_deleted_at is not None:
                raise WrongState(
                    "The recording was deleted, so it can't be evaluated again.", status=found.status.value
                )
            found = await self._store.restart(connection, evaluation_id, now())
            await notify(connection, CHANGED, evaluation_id)
            await notify(connection, WAITING, evaluation_id)
        return found

    async def cancel(self, evaluation_id: str) -> Evaluation:
        """Cancels an evaluation. Raises WrongState if it is completed or failed."""
        check_id(evaluation_id)
        async with self._database.transaction() as connection:
            found = await self._locked(connection, evaluation_id, "cancelled")
            if found.status is Status.cancelled:
                return found
            if found.ended:
                raise WrongState(
                    f"The evaluation is {found.status.value} and can't be cancelled.", status=found.status.value
                )
            await close_steps(connection, self._store, Run(evaluation_id, found.run), CANCELLED)
            found = await self._store.cancel(connection, evaluation_id, now())
            await notify(connection, CHANGED, evaluation_id)
        return found

    async def delete(self, evaluation_id: str) -> None:
        """Deletes an evaluation with its uploaded recording, whatever its status."""
        check_id(evaluation_id)
        async with self._database.transaction() as connection:
            found = await self._locked(connection, evaluation_id, "deleted")
            await self._store.delete(connection, evaluation_id)
            names = [found.audio_name] if found.uploaded and found.audio_deleted_at is None else []
            names += [found.copy_name] if found.copy_name else []
            # Other evaluations of the same recording stay, without it.
            await self._recordings.release(connection, names)
            await outbox.withdraw(connection, evaluation_id)
            await outbox.add(connection, facts.recording_evaluation_deleted(found))
            await notify(connection, CHANGED, evaluation_id)
        await self._recordings.discard(*names)

    async def check(self, plan: EvaluationPlan) -> EvaluationPlan:
        """Returns a plan with the text and the language of its scenario.

        Raises InvalidInput that names every invalid field, and WrongState if the recordings of the scenario are fixed.
        Also makes the webhook endpoint of its webhook_url. Raises QuotaExceeded if the caller has too many endpoints.
        """
        check(plan, steps=[step.name for step in STEPS], conditions=CONDITIONS)
        if plan.model_id:
            await self._catalogue.check_model(plan.model_id)
        if plan.scenario_id and not await self._is_repeated(plan):
            plan = of_scenario(plan, await self._catalogue.check_recording(plan.model_id, plan.scenario_id))
        if plan.webhook_url:
            await self._webhooks.ensure(plan.webhook_url)
        return plan

    async def _with_recording(self, evaluation_id: str) -> Evaluation:
        found = await self.find(evaluation_id)
        if found.audio_deleted_at is not None or not await self._recordings.exists(found.audio_name):
            raise NotFound.of("recording of the evaluation", evaluation_id)
        return found

    async def _is_repeated(self, plan: EvaluationPlan) -> bool:
        """Says whether an evaluation of this request exists. Its recording may be fixed by now."""
        async with self._database.reading() as connection:
            return await self._earlier(connection, plan) is not None

    async def _earlier(self, connection: AsyncConnection, plan: EvaluationPlan) -> Evaluation | None:
        if not plan.request_id:
            return None
        earlier = await self._store.find_request(connection, current_identity().developer_id, plan.request_id)
        return earlier.repeated() if earlier else None

    async def _locked(self, connection: AsyncConnection, evaluation_id: str, changed: str) -> Evaluation:
        """Locks an evaluation that the caller can change."""
        # Check the owner first, so that nobody waits for the lock of another developer's evaluation.
        owned(await self._store.get(connection, evaluation_id), "evaluation", evaluation_id)
        found = owned(await self._store.lock(connection, evaluation_id), "evaluation", evaluation_id)
        if found.of_job:
            raise WrongState(
                f"The evaluation belongs to a trial and can't be {changed} without its experiment.",
                status=found.status.value,
            )
        return found


def check_id(evaluation_id: str) -> None:
    """Raises InvalidInput if it can't be the id of an evaluation."""
    if not _ID.fullmatch(evaluation_id):
        description = "must be the id of an evaluation, such as evl_ and 32 hexadecimal digits, or of a trial"
        raise InvalidInput.of(FieldViolation("id", description))


def _evaluation(plan: EvaluationPlan, recording: StoredRecording, developer_id: str) -> Evaluation:
    return Evaluation(
        id=ids.new_id(PREFIX),
        developer_id=developer_id,
        status=Status.pending,
        audio_name=recording.name,
        created_at=now(),
        model_id=plan.model_id,
        scenario_id=plan.scenario_id,
        reference_text=plan.reference_text,
        language=plan.language or DEFAULT_LANGUAGE,
        num_speakers=plan.num_speakers,
        channels=plan.channels or SPLIT,
        names=tuple(plan.names),
        steps=tuple(step.name for step in chosen_steps(plan.steps)),
        conditions=tuple(condition for condition in CONDITIONS if condition in plan.conditions),
        webhook_url=plan.webhook_url,
        content_type=safe_content_type(recording.content_type),
        uploaded=recording.uploaded,
        traceparent=current_traceparent(),
    )
