"""Creating, running and cancelling experiments."""

import asyncio

import pytest
from opentelemetry.trace import SpanKind
from voicearena.tts.v1.events_pb2 import SynthesisRequested
from voicearena.tts.v1.tts_pb2 import SpeechParameters

from services.experiments.domain import ExperimentStatus, ModelSpec, TrialStatus
from services.runtime import telemetry
from services.runtime.errors import InvalidInput, NotFound, QuotaExceeded, WrongState
from tests.unit.experiments.conftest import Desk, call_as

EN, DE, SLT = ModelSpec("espeak", "en"), ModelSpec("espeak", "de"), ModelSpec("flite", "slt")
UNKNOWN = "exp_" + "0" * 32


def fields(error: InvalidInput) -> list[str]:
    return [violation.field for violation in error.violations]


async def test_an_experiment_is_created_as_planned(desk: Desk) -> None:
    made = await desk.planning.create(
        desk.plan(name=" voices ", models=[EN, DE, SLT], prompts=["One.", "Two."], webhook_url="https://example.org/x")
    )
    assert (made.name, made.developer_id, made.status) == ("voices", "dev_a", ExperimentStatus.CREATED)
    assert (made.total_trials, made.completed_trials, made.failed_trials) == (6, 0, 0)
    assert made.webhook_url == "https://example.org/x"
    assert await desk.reading.get(made.id) == made
    assert await desk.trials(made.id) == []
    assert desk.database.published() == []


async def test_a_model_without_a_voice_is_the_first_voice_of_its_provider(desk: Desk) -> None:
    made = await desk.planning.create(desk.plan(models=[ModelSpec("espeak", ""), DE]))
    assert made.models == [EN, DE]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"name": ""}, "name", id="no name"),
        pytest.param({"name": " \n"}, "name", id="a blank name"),
        pytest.param({"name": "a" * 201}, "name", id="a long name"),
        pytest.param({"scenario": ""}, "scenario", id="no scenario"),
        pytest.param({"scenario": "General"}, "scenario", id="an unknown scenario"),
        pytest.param({"eval_mode": None}, "eval_mode", id="an unknown mode"),
        pytest.param({"models": []}, "models", id="no models"),
        pytest.param({"models": [EN]}, "models", id="one model"),
        pytest.param({"models": [ModelSpec("p", str(n)) for n in range(5)]}, "models", id="five models"),
        pytest.param({"models": [EN, EN]}, "models[1]", id="the same model twice"),
        pytest.param({"models": [EN, SLT, ModelSpec("espeak", "")]}, "models[2]", id="the same voice by default"),
        pytest.param({"models": [EN, ModelSpec("", "en")]}, "models[1].provider", id="no provider"),
        pytest.param({"models": [EN, ModelSpec("p" * 101, "")]}, "models[1].provider", id="a long provider"),
        pytest.param({"models": [EN, ModelSpec("espeak", "v" * 201)]}, "models[1].voice_id", id="a long voice"),
        pytest.param({"models": [EN, ModelSpec("espeak", "xx")]}, "models[1].voice_id", id="an unknown voice"),
        pytest.param({"prompts": []}, "prompts", id="no prompts"),
        pytest.param({"prompts": ["Hi."] * 21}, "prompts", id="21 prompts"),
        pytest.param({"prompts": ["Hi.", ""]}, "prompts[1]", id="an empty prompt"),
        pytest.param({"prompts": ["\t"]}, "prompts[0]", id="a blank prompt"),
        pytest.param({"prompts": ["a" * 5001]}, "prompts[0]", id="a long prompt"),
        pytest.param({"prompts": ["a\0b"]}, "prompts[0]", id="a prompt with NUL"),
        pytest.param({"prompts": ["\u200b\ufeff"]}, "prompts[0]", id="an invisible prompt"),
        pytest.param({"prompts": ["Hi.", "Ho.", " hi. "]}, "prompts[2]", id="the same prompt twice"),
        pytest.param({"webhook_url": "example.org"}, "webhook_url", id="no URL"),
        pytest.param({"webhook_url": "ftp://example.org"}, "webhook_url", id="another scheme"),
        pytest.param({"webhook_url": "https://"}, "webhook_url", id="no host"),
        pytest.param({"webhook_url": "https://example.org:99999"}, "webhook_url", id="an impossible port"),
        pytest.param({"webhook_url": "https://[::1"}, "webhook_url", id="a broken host"),
        pytest.param({"webhook_url": "https://example.org/" + "a" * 2048}, "webhook_url", id="a long URL"),
        pytest.param({"request_id": "r" * 101}, "request_id", id="a long request id"),
    ],
)
async def test_an_invalid_plan_is_refused_by_field_and_stores_nothing(
    desk: Desk, changed: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        await desk.planning.create(desk.plan(**changed))
    assert fields(raised.value) == [field]
    assert (await desk.reading.page("", "", 0, ""))[0] == []


async def test_all_invalid_fields_of_a_plan_are_named_together(desk: Desk) -> None:
    with pytest.raises(InvalidInput) as raised:
        await desk.planning.create(
            desk.plan(name="", scenario="x", eval_mode=None, models=[EN], prompts=["", ""], webhook_url="x")
        )
    assert fields(raised.value) == [
        "name",
        "scenario",
        "eval_mode",
        "models",
        "prompts[0]",
        "prompts[1]",
        "webhook_url",
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "a" * 200},
        {"models": [EN, DE, SLT, ModelSpec("flite", "kal")]},
        {"prompts": ["a" * 5000]},
        {"prompts": [f"Hi {number}." for number in range(20)]},
        {"webhook_url": "http://hooks.example.org:9000/done?x=1"},
        {"request_id": "r" * 100},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_values_at_the_limits_are_accepted(desk: Desk, changed: dict[str, object]) -> None:
    desk.catalogue.voices["flite"].append("kal")
    await desk.planning.create(desk.plan(**changed))


async def test_prompts_longer_than_a_model_accepts_are_refused_at_creation_and_at_the_run(
    desk: Desk,
) -> None:
    prompts = ["x" * 11, "y" * 10, "z" * 12]
    made = await desk.planning.create(desk.plan(prompts=prompts))
    desk.catalogue.limits = {"espeak": 4000, "flite": 10}
    for refused in (desk.planning.create(desk.plan(prompts=prompts)), desk.planning.run(made.id)):
        with pytest.raises(InvalidInput) as raised:
            await refused
        assert [(each.field, each.description) for each in raised.value.violations] == [
            ("prompts[0]", "must be at most 10 characters for models[1] of flite, got 11"),
            ("prompts[2]", "must be at most 10 characters for models[1] of flite, got 12"),
        ]
    assert (await desk.reading.get(made.id)).status is ExperimentStatus.CREATED


async def test_a_repeated_request_returns_the_first_experiment(desk: Desk) -> None:
    first = await desk.planning.create(desk.plan(request_id="request 1"))
    assert await desk.planning.create(desk.plan(request_id="request 1", name="another")) == first
    call_as("dev_b")
    assert (await desk.planning.create(desk.plan(request_id="request 1"))).id != first.id


async def test_a_run_creates_every_trial_and_requests_those_that_have_a_slot(desk: Desk) -> None:
    made = await desk.planning.create(desk.plan(models=[EN, SLT], prompts=["One.", "Two.", "Three."], repeats=2))
    running = await desk.planning.run(made.id)
    assert running.status is ExperimentStatus.RUNNING
    assert await desk.reading.get(made.id) == running
    trials = await desk.trials(made.id)
    assert [(t.prompt_text, t.voice_id, t.repeat_index) for t in trials] == [
        (prompt, voice, repeat) for prompt in ("One.", "Two.", "Three.") for voice in ("en", "slt") for repeat in (0, 1)
    ]
    by_position = sorted(trials, key=lambda trial: trial.position)
    assert [t.position for t in by_position] == list(range(12))
    # An unknown provider gets two slots, so the first two trials of each provider run.
    first = [t for name in ("espeak", "flite") for t in [t for t in by_position if t.provider == name][:2]]
    assert {t.id for t in trials if (t.status, t.attempts) == (TrialStatus.SYNTHESIZING, 1)} == {t.id for t in first}
    assert {t.id for t in trials if (t.status, t.attempts) == (TrialStatus.PENDING, 0)} == {
        t.id for t in trials if t not in first
    }
    assert desk.database.published() == [
        SynthesisRequested(
            requester="experiments",
            job_id=trial.id,
            attempt=1,
            developer_id="dev_a",
            text=trial.prompt_text,
            provider=trial.provider,
            voice_id=trial.voice_id,
            run_id=made.id,
        )
        for trial in first
    ]


async def test_trials_have_the_parameters_of_the_catalogue(desk: Desk) -> None:
    desk.catalogue.parameters = {"speed": 1.25, "language": "de-DE", "seed": 7}
    _, trials = await desk.start(models=[EN, DE])
    assert {(t.speed, t.language, t.seed) for t in trials} == {(1.25, "de-DE", 7)}
    (request, _) = desk.database.published()
    assert isinstance(request, SynthesisRequested)
    assert request.parameters == SpeechParameters(speed=1.25, language="de-DE", seed=7)


async def test_the_same_seed_gives_the_same_order(desk: Desk) -> None:
    orders = []
    for seed in (1, 1, 2):
        _, trials = await desk.start(prompts=["One.", "Two.", "Three."], repeats=5, seed=seed)
        orders.append([(t.prompt_index, t.model_index, t.repeat_index, t.position) for t in trials])
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


async def test_without_a_seed_a_random_seed_is_drawn_and_returned(desk: Desk) -> None:
    seeds = {(await desk.planning.create(desk.plan())).seed for _ in range(5)}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**32 for seed in seeds)


async def test_all_requests_of_an_experiment_are_in_the_trace_of_the_run(desk: Desk) -> None:
    made = await desk.planning.create(desk.plan(prompts=["One.", "Two.", "Three."]))
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    with telemetry.span("run", trace, SpanKind.SERVER):
        assert (await desk.planning.run(made.id)).traceparent == trace
    first = next(t for t in await desk.trials(made.id) if t.status is TrialStatus.SYNTHESIZING)
    # Later requests are in this trace too, whichever event freed the slot.
    with telemetry.span("another", f"00-{'c' * 32}-{'d' * 16}-01", SpanKind.CONSUMER):
        await desk.speak(first)
    traces = [
        envelope.traceparent
        for envelope in desk.database.envelopes()
        if envelope.event.Is(SynthesisRequested.DESCRIPTOR)
    ]
    assert traces == [trace] * 5


async def test_an_experiment_runs_with_the_catalogue_at_the_time_of_the_run(desk: Desk) -> None:
    made = await desk.planning.create(desk.plan())
    desk.catalogue.model_id = "large"
    running = await desk.planning.run(made.id)
    assert [model.model_id for model in running.models] == ["large", "large"]
    assert {trial.model_id for trial in await desk.trials(made.id)} == {"large"}


async def test_a_run_with_a_voice_that_no_longer_exists_is_refused_and_changes_nothing(desk: Desk) -> None:
    made = await desk.planning.create(desk.plan())
    desk.catalogue.voices["flite"] = []
    with pytest.raises(InvalidInput, match=r"models\[1\]"):
        await desk.planning.run(made.id)
    assert (await desk.reading.get(made.id)).status is ExperimentStatus.CREATED


@pytest.mark.parametrize(("experiment_id", "error"), [(UNKNOWN, NotFound), ("exp_1", InvalidInput), ("", InvalidInput)])
async def test_unknown_and_malformed_experiment_ids_are_refused(
    desk: Desk, experiment_id: str, error: type[Exception]
) -> None:
    for verb in (desk.planning.run, desk.planning.cancel, desk.reading.get, desk.reading.results):
        with pytest.raises(error):
            await verb(experiment_id)


async def test_the_experiment_of_another_developer_is_not_found(desk: Desk) -> None:
    made = await desk.planning.create(desk.plan())
    call_as("dev_b")
    for verb in (desk.planning.run, desk.planning.cancel, desk.reading.get, desk.reading.results):
        with pytest.raises(NotFound):
            await verb(made.id)
    with pytest.raises(NotFound):
        await desk.reading.trials(made.id, 0, "")


async def test_an_experiment_can_be_run_once(desk: Desk) -> None:
    experiment_id, trials = await desk.start()
    with pytest.raises(
        WrongState, match=r"The experiment is running\. Only a created experiment can be run\."
    ) as raised:
        await desk.planning.run(experiment_id)
    assert raised.value.metadata == {"status": "running"}
    assert await desk.trials(experiment_id) == trials


async def test_the_number_of_running_experiments_is_limited_per_developer(desk: Desk) -> None:
    made = [await desk.planning.create(desk.plan()) for _ in range(desk.rules.max_running + 1)]
    outcomes = await asyncio.gather(*(desk.planning.run(one.id) for one in made), return_exceptions=True)
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, QuotaExceeded)]
    assert refused.metadata == {"limit": "3"}
    assert refused.message == (
        "You already have 3 running experiments; the limit is 3. Wait until one completes, or cancel one."
    )
    (left,) = [one.id for one in made if (await desk.reading.get(one.id)).status is ExperimentStatus.CREATED]
    call_as("dev_b")
    await desk.start()
    call_as("dev_a")
    running = next(one.id for one in made if one.id != left)
    await desk.planning.cancel(running)
    assert (await desk.planning.run(left)).status is ExperimentStatus.RUNNING


async def test_the_number_of_unfinished_experiments_is_limited_per_developer(desk: Desk) -> None:
    made = [await desk.planning.create(desk.plan()) for _ in range(desk.rules.max_unfinished - 1)]
    repeated = await desk.planning.create(desk.plan(request_id="again"))
    with pytest.raises(QuotaExceeded) as refused:
        await desk.planning.create(desk.plan())
    assert refused.value.metadata == {"limit": "50"}
    assert refused.value.message == (
        "You already have 50 unfinished experiments; the limit is 50. Run, cancel or delete some first."
    )
    # A repeated request does not count, other developers have their own limit, and an ended experiment does not count.
    assert (await desk.planning.create(desk.plan(request_id="again"))).id == repeated.id
    call_as("dev_b")
    await desk.planning.create(desk.plan())
    call_as("dev_a")
    await desk.planning.cancel(made[0].id)
    await desk.planning.create(desk.plan())
