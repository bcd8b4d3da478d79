"""Creating, running and cancelling experiments."""

import dataclasses
from collections.abc import Sequence

from services.experiments import events_out
from services.experiments.catalogue import Catalogue
from services.experiments.domain import (
    Experiment,
    ExperimentStatus,
    ModelSpec,
    Trial,
    TrialStatus,
)
from services.experiments.store import Store
from services.experiments.usecases.changes import announce
from services.experiments.usecases.finishing import Finishing
from services.experiments.usecases.plan import Plan, check
from services.experiments.verdict import PRIMARY_METRIC
from services.runtime import ids, outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import NotFound, WrongState
from services.runtime.identity import current_identity
from services.runtime.validation import Validation


class Planning:
    """The use cases over one database and catalogue."""

    def __init__(self, database: Database, store: Store, catalogue: Catalogue, finishing: Finishing) -> None:
        self._database = database
        self._store = store
        self._catalogue = catalogue
        self._finishing = finishing

    async def create(self, plan: Plan) -> Experiment:
        """Stores a plan as an experiment; InvalidInput names every field that is out of range."""
        developer_id = current_identity().developer_id
        eval_mode = check(plan)
        if plan.request_id and (before := await self._made_before(developer_id, plan.request_id)):
            return before
        models = await self._catalogue.resolve(plan.models)
        _check_different(models)
        experiment = Experiment(
            id=ids.new_id("exp"),
            developer_id=developer_id,
            name=plan.name.strip(),
            scenario=plan.scenario,
            eval_mode=eval_mode,
            status=ExperimentStatus.CREATED,
            models=models,
            prompts=plan.prompts,
            webhook_url=plan.webhook_url,
            primary_metric=PRIMARY_METRIC,
            total_trials=len(models) * len(plan.prompts),
            audio_retention_days=30,
            created_at=now(),
        )
        async with self._database.transaction() as connection:
            added = await self._store.add(connection, experiment, plan.request_id)
        if added:
            return experiment
        # The same request at the same moment was quicker.
        before = await self._made_before(developer_id, plan.request_id)
        return before or experiment

    async def _made_before(self, developer_id: str, request_id: str) -> Experiment | None:
        async with self._database.reading() as connection:
            return await self._store.find_request(connection, developer_id, request_id)

    async def run(self, experiment_id: str) -> Experiment:
        """Plans every trial and asks for its speech; WrongState unless the experiment is created."""
        planned = await self._get(experiment_id)
        if planned.status is not ExperimentStatus.CREATED:
            raise _not_runnable(planned)
        # The catalogue may have changed since; what runs is what it has now.
        models = await self._catalogue.resolve(planned.models)
        moment = now()
        trials = [
            Trial(
                id=ids.new_id("trl"),
                experiment_id=planned.id,
                prompt_index=prompt_index,
                model_index=model_index,
                prompt_text=prompt,
                provider=model.provider,
                voice_id=model.voice_id,
                model_id=model.model_id,
                speed=model.speed,
                status=TrialStatus.SYNTHESIZING,
                attempts=1,
                created_at=moment,
            )
            for prompt_index, prompt in enumerate(planned.prompts)
            for model_index, model in enumerate(models)
        ]
        async with self._database.transaction() as connection:
            experiment = await self._store.lock(connection, planned.id)
            if experiment is None or experiment.status is not ExperimentStatus.CREATED:
                raise _not_runnable(experiment or planned)
            await self._store.set_status(
                connection,
                planned.id,
                ExperimentStatus.RUNNING,
                models=[dataclasses.asdict(model) for model in models],
                started_at=moment,
                progressed_at=moment,
            )
            await self._store.add_trials(connection, trials, moment)
            await outbox.add(
                connection, *(events_out.synthesis_requested(trial, 1, planned.developer_id) for trial in trials)
            )
            await announce(connection, planned.id)
        return dataclasses.replace(experiment, status=ExperimentStatus.RUNNING, models=models, started_at=moment)

    async def cancel(self, experiment_id: str) -> Experiment:
        """Stops an experiment; WrongState once it has completed or failed."""
        await self._get(experiment_id)
        async with self._database.transaction() as connection:
            experiment = await self._store.lock(connection, experiment_id)
            if experiment is None:
                raise NotFound("experiment", experiment_id)
            if experiment.status is ExperimentStatus.CANCELLED:
                return experiment
            if experiment.status.ended:
                raise WrongState(
                    f"the experiment is {experiment.status} and can't be cancelled any more", status=experiment.status
                )
            cancelled = await self._finishing.cancel(connection, experiment)
            await announce(connection, experiment_id)
        return cancelled

    async def _get(self, experiment_id: str) -> Experiment:
        ids.check_id(experiment_id, "exp")
        async with self._database.reading() as connection:
            experiment = await self._store.get(connection, current_identity().developer_id, experiment_id)
        if experiment is None:
            raise NotFound("experiment", experiment_id)
        return experiment


def _not_runnable(experiment: Experiment) -> WrongState:
    return WrongState(
        f"the experiment is {experiment.status}; only one that is created can be run", status=experiment.status
    )


def _check_different(models: Sequence[ModelSpec]) -> None:
    """Models that were different as asked for may be the same voice, where one left it to the catalogue."""
    valid = Validation()
    voices = [(model.provider, model.voice_id) for model in models]
    for index, voice in enumerate(voices):
        same = voices.index(voice)
        description = f"must differ from the others; models[{same}] is {':'.join(voice)} too"
        valid.require(same == index, f"models[{index}]", description)
    valid.finish()
