"""Creates, runs and cancels experiments."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from services.experiments import domain, operational_metrics
from services.experiments.domain import (
    Experiment,
    ExperimentStatus,
    ModelSpec,
    Trial,
    TrialStatus,
)
from services.experiments.planning.clients import MetricLister, ModelResolver
from services.experiments.planning.domain import (
    Plan,
    PlanRules,
    check,
    check_lengths,
    check_running,
    check_unfinished,
)
from services.experiments.planning.profile_choice import choose_profile, needs_metrics
from services.experiments.planning.trial_order import draw_seed, trial_order
from services.experiments.running.changes import notify_watchers
from services.experiments.running.finishing import Finishing
from services.experiments.store import Store
from services.experiments.verdict import PRIMARY_METRIC
from services.experiments.verdict.profiles import needs_listening
from services.experiments.webhooks.ssrf_guard.urls import canonical
from services.experiments.webhooks.usecases import WebhookEndpoints
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import NotFound, WrongState
from services.runtime.identity import current_identity, owned
from services.runtime.request_ids import current_fingerprint
from services.runtime.telemetry import current_traceparent
from services.runtime.validation import Validation
from services.shared.clips.dispatching import Dispatcher


class Planning:
    """The use cases of creating, running and cancelling experiments."""

    def __init__(
        self,
        database: Database,
        store: Store,
        models: ModelResolver,
        metrics: MetricLister,
        finishing: Finishing,
        endpoints: WebhookEndpoints,
        dispatcher: Dispatcher,
        rules: PlanRules,
    ) -> None:
        self._database = database
        self._store = store
        self._models = models
        self._metrics = metrics
        self._finishing = finishing
        self._endpoints = endpoints
        self._dispatcher = dispatcher
        self._rules = rules

    async def create(self, plan: Plan, original: Experiment | None = None) -> Experiment:
        """Creates an experiment from a plan. `original` is the experiment that it clones.

        Raises InvalidInput that names every invalid field, and QuotaExceeded if the caller has too many unfinished
        experiments. A repeated request returns the experiment that the first one created.
        """
        developer_id = current_identity().developer_id
        eval_mode = check(plan, self._rules, known_prompts=original.prompts if original else ())
        if plan.request_id and (before := await self._created_before(developer_id, plan.request_id)):
            return before
        resolved = await self._models.resolve(plan.models)
        models = resolved.models
        _check_different(models)
        check_lengths(plan.prompts, resolved)
        metrics = await self._metrics.trial_metrics() if needs_metrics(plan) else {}
        composite = choose_profile(plan, self._rules, metrics, resolved)
        primary_metric = plan.primary_metric or PRIMARY_METRIC
        repeats = _given(plan.repeats, domain.MIN_REPEATS)
        experiment = Experiment(
            id=ids.new_id("exp"),
            developer_id=developer_id,
            name=plan.name.strip(),
            scenario=plan.scenario,
            eval_mode=eval_mode,
            status=ExperimentStatus.CREATED,
            models=models,
            prompts=plan.prompts,
            webhook_url=canonical(plan.webhook_url),
            primary_metric=primary_metric,
            composite=composite,
            listens=needs_listening(composite, primary_metric),
            repeats=repeats,
            seed=draw_seed() if plan.seed is None else plan.seed,
            votes_per_pair=_given(plan.votes_per_pair, domain.DEFAULT_VOTES_PER_PAIR),
            listening_days=_given(plan.listening_days, domain.DEFAULT_LISTENING_DAYS),
            audio_retention_days=_given(plan.audio_retention_days, self._rules.audio_retention_days),
            cloned_from=original.id if original else "",
            total_trials=len(models) * len(plan.prompts) * repeats,
            created_at=now(),
        )
        async with self._database.transaction() as connection:
            unfinished = await self._store.count_unfinished(connection, developer_id)
            # The same request may have created it while this one waited.
            if plan.request_id:
                earlier = await self._store.find_request(connection, developer_id, plan.request_id)
                if earlier is not None:
                    return earlier.repeated()
            check_unfinished(unfinished, self._rules.max_unfinished)
            added = await self._store.add(connection, experiment, plan.request_id, current_fingerprint())
            if added:
                await self._endpoints.make_for(connection, experiment)
        if added:
            return experiment
        # The same request was faster.
        before = await self._created_before(developer_id, plan.request_id)
        return before or experiment

    async def _created_before(self, developer_id: str, request_id: str) -> Experiment | None:
        async with self._database.reading() as connection:
            before = await self._store.find_request(connection, developer_id, request_id)
        return before.repeated() if before else None

    async def run(self, experiment_id: str) -> Experiment:
        """Creates every trial and requests the speech of those that have a slot. Returns the running experiment.

        Raises WrongState unless the experiment is created, and QuotaExceeded if too many of the caller's experiments
        are running.
        """
        planned = await self._get(experiment_id)
        if planned.status is not ExperimentStatus.CREATED:
            raise _not_runnable(planned)
        # The catalogue may have changed since. The experiment runs with its current entries.
        resolved = await self._models.resolve(planned.models)
        models = resolved.models
        check_lengths(planned.prompts, resolved)
        moment = now()
        trials = _trials(dataclasses.replace(planned, models=models), resolved.languages, moment)
        async with self._database.transaction() as connection:
            # This waits for the developer's other calls, so it comes before the experiment is locked.
            others = await self._store.count_running(connection, planned.developer_id)
            check_running(others, self._rules.max_running)
            experiment = await self._store.lock(connection, planned.id)
            if experiment is None or experiment.status is not ExperimentStatus.CREATED:
                raise _not_runnable(experiment or planned)
            running = await self._store.start(connection, planned.id, models, current_traceparent(), moment)
            await self._store.add_trials(connection, trials, moment)
            await notify_watchers(connection, planned.id)
        operational_metrics.TRIALS.labels(TrialStatus.PENDING).inc(len(trials))
        await self._dispatcher.release([model.provider for model in models])
        return running

    async def cancel(self, experiment_id: str) -> Experiment:
        """Cancels an experiment. Raises WrongState if it has completed or failed."""
        await self._get(experiment_id)
        async with self._database.transaction() as connection:
            experiment = owned(await self._store.lock(connection, experiment_id), "experiment", experiment_id)
            if experiment.status is ExperimentStatus.CANCELLED:
                return experiment
            if experiment.status.ended:
                raise WrongState(
                    f"The experiment is {experiment.status} and can't be cancelled", status=experiment.status
                )
            cancelled = await self._finishing.cancel(connection, experiment)
            await notify_watchers(connection, experiment_id)
        await self._dispatcher.release([model.provider for model in cancelled.models])
        return cancelled

    async def _get(self, experiment_id: str) -> Experiment:
        ids.check_id(experiment_id, "exp")
        async with self._database.reading() as connection:
            experiment = await self._store.get(connection, current_identity().developer_id, experiment_id)
        if experiment is None:
            raise NotFound.of("experiment", experiment_id)
        return experiment


def _given(value: int | None, default: int) -> int:
    return default if value is None else value


def _trials(experiment: Experiment, languages: Sequence[str], at: datetime) -> Sequence[Trial]:
    """Returns all trials of an experiment in the order of the requests. `languages` has one for each model."""
    order = trial_order(len(experiment.prompts), len(experiment.models), experiment.repeats, seed=experiment.seed)
    return [
        Trial(
            id=ids.new_id("trl"),
            experiment_id=experiment.id,
            prompt_index=key.prompt_index,
            model_index=key.model_index,
            repeat_index=key.repeat_index,
            position=position,
            prompt_text=experiment.prompts[key.prompt_index],
            **dataclasses.asdict(experiment.models[key.model_index]),
            spoken_language=languages[key.model_index] if languages else "",
            status=TrialStatus.PENDING,
            attempts=0,
            created_at=at,
        )
        for position, key in enumerate(order)
    ]


def _not_runnable(experiment: Experiment) -> WrongState:
    return WrongState(
        f"The experiment is {experiment.status}. Only a created experiment can be run.", status=experiment.status
    )


def _check_different(models: Sequence[ModelSpec]) -> None:
    """Raises InvalidInput if two resolved models are the same voice.

    Specs can differ and still mean the same voice, because a spec without a voice means the provider's first voice.
    """
    valid = Validation()
    voices = [(model.provider, model.voice_id) for model in models]
    for index, voice in enumerate(voices):
        same = voices.index(voice)
        description = f"must differ from the other models, but models[{same}] is also {':'.join(voice)}"
        valid.require(same == index, f"models[{index}]", description)
    valid.finish()
