"""Creating, running and cancelling experiments."""

import asyncio

import pytest
from opentelemetry.trace import SpanKind
from voicearena.tts.v1.events_pb2 import SynthesisRequested
from voicearena.tts.v1.tts_pb2 import SpeechParameters

from services.experiments.domain import ExperimentStatus, ModelSpec, TrialStatus
from services.runtime import telemetry
from services.runtime.errors import InvalidInput, NotFound, QuotaExceeded, WrongState
from tests.unit.experiments.conftest import World, call_as

EN, DE, SLT = ModelSpec("espeak", "en"), ModelSpec("espeak", "de"), ModelSpec("flite", "slt")
UNKNOWN = "exp_" + "0" * 32


def fields(error: InvalidInput) -> list[str]:
    return [violation.field for violation in error.violations]


async def test_an_experiment_is_created_as_planned(world: World) -> None:
    made = await world.planning.create(
        world.plan(name=" voices ", models=[EN, DE, SLT], prompts=["One.", "Two."], webhook_url="https://example.org/x")
    )
    assert (made.name, made.developer_id, made.status) == ("voices", "dev_a", ExperimentStatus.CREATED)
    assert (made.total_trials, made.completed_trials, made.failed_trials) == (6, 0, 0)
    assert made.webhook_url == "https://example.org/x"
    assert await world.reading.get(made.id) == made
    assert await world.trials(made.id) == []
    assert world.database.published() == []


async def test_a_model_without_a_voice_is_the_first_voice_of_its_provider(world: World) -> None:
    made = await world.planning.create(world.plan(models=[ModelSpec("espeak", ""), DE]))
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
    world: World, changed: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        await world.planning.create(world.plan(**changed))
    assert fields(raised.value) == [field]
    assert (await world.reading.page("", "", 0, ""))[0] == []


async def test_all_invalid_fields_of_a_plan_are_named_together(world: World) -> None:
    with pytest.raises(InvalidInput) as raised:
        await world.planning.create(
            world.plan(name="", scenario="x", eval_mode=None, models=[EN], prompts=["", ""], webhook_url="x")
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
async def test_values_at_the_limits_are_accepted(world: World, changed: dict[str, object]) -> None:
    world.catalogue.voices["flite"].append("kal")
    await world.planning.create(world.plan(**changed))


async def test_prompts_longer_than_a_model_accepts_are_refused_at_creation_and_at_the_run(
    world: World,
) -> None:
    prompts = ["x" * 11, "y" * 10, "z" * 12]
    made = await world.planning.create(world.plan(prompts=prompts))
    world.catalogue.limits = {"espeak": 4000, "flite": 10}
    for refused in (world.planning.create(world.plan(prompts=prompts)), world.planning.run(made.id)):
        with pytest.raises(InvalidInput) as raised:
            await refused
        assert [(each.field, each.description) for each in raised.value.violations] == [
            ("prompts[0]", "must be at most 10 characters for models[1] of flite, got 11"),
            ("prompts[2]", "must be at most 10 characters for models[1] of flite, got 12"),
        ]
    assert (await world.reading.get(made.id)).status is ExperimentStatus.CREATED


async def test_a_repeated_request_returns_the_first_experiment(world: World) -> None:
    first = await world.planning.create(world.plan(request_id="request 1"))
    assert await world.planning.create(world.plan(request_id="request 1", name="another")) == first
    call_as("dev_b")
    assert (await world.planning.create(world.plan(request_id="request 1"))).id != first.id


async def test_a_run_creates_every_trial_and_requests_those_that_have_a_slot(world: World) -> None:
    made = await world.planning.create(world.plan(models=[EN, SLT], prompts=["One.", "Two.", "Three."], repeats=2))
    running = await world.planning.run(made.id)
    assert running.status is ExperimentStatus.RUNNING
    assert await world.reading.get(made.id) == running
    trials = await world.trials(made.id)
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
    assert world.database.published() == [
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


async def test_trials_have_the_parameters_of_the_catalogue(world: World) -> None:
    world.catalogue.parameters = {"speed": 1.25, "language": "de-DE", "seed": 7}
    _, trials = await world.start(models=[EN, DE])
    assert {(t.speed, t.language, t.seed) for t in trials} == {(1.25, "de-DE", 7)}
    (request, _) = world.database.published()
    assert isinstance(request, SynthesisRequested)
    assert request.parameters == SpeechParameters(speed=1.25, language="de-DE", seed=7)


async def test_the_same_seed_gives_the_same_order(world: World) -> None:
    orders = []
    for seed in (1, 1, 2):
        _, trials = await world.start(prompts=["One.", "Two.", "Three."], repeats=5, seed=seed)
        orders.append([(t.prompt_index, t.model_index, t.repeat_index, t.position) for t in trials])
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


async def test_without_a_seed_a_random_seed_is_drawn_and_returned(world: World) -> None:
    seeds = {(await world.planning.create(world.plan())).seed for _ in range(5)}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**32 for seed in seeds)


async def test_all_requests_of_an_experiment_are_in_the_trace_of_the_run(world: World) -> None:
    made = await world.planning.create(world.plan(prompts=["One.", "Two.", "Three."]))
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    with telemetry.span("run", trace, SpanKind.SERVER):
        assert (await world.planning.run(made.id)).traceparent == trace
    first = next(t for t in await world.trials(made.id) if t.status is TrialStatus.SYNTHESIZING)
    # Later requests are in this trace too, whichever event freed the slot.
    with telemetry.span("another", f"00-{'c' * 32}-{'d' * 16}-01", SpanKind.CONSUMER):
        await world.speak(first)
    traces = [
        envelope.traceparent
        for envelope in world.database.envelopes()
        if envelope.event.Is(SynthesisRequested.DESCRIPTOR)
    ]
    assert traces == [trace] * 5


async def test_an_experiment_runs_with_the_catalogue_at_the_time_of_the_run(world: World) -> None:
    made = await world.planning.create(world.plan())
    world.catalogue.model_id = "large"
    running = await world.planning.run(made.id)
    assert [model.model_id for model in running.models] == ["large", "large"]
    assert {trial.model_id for trial in await world.trials(made.id)} == {"large"}


async def test_a_run_with_a_voice_that_no_longer_exists_is_refused_and_changes_nothing(world: World) -> None:
    made = await world.planning.create(world.plan())
    world.catalogue.voices["flite"] = []
    with pytest.raises(InvalidInput, match=r"models\[1\]"):
        await world.planning.run(made.id)
    assert (await world.reading.get(made.id)).status is ExperimentStatus.CREATED


@pytest.mark.parametrize(("experiment_id", "error"), [(UNKNOWN, NotFound), ("exp_1", InvalidInput), ("", InvalidInput)])
async def test_unknown_and_malformed_experiment_ids_are_refused(
    world: World, experiment_id: str, error: type[Exception]
) -> None:
    for verb in (world.planning.run, world.planning.cancel, world.reading.get, world.reading.results):
        with pytest.raises(error):
            await verb(experiment_id)


async def test_the_experiment_of_another_developer_is_not_found(world: World) -> None:
    made = await world.planning.create(world.plan())
    call_as("dev_b")
    for verb in (world.planning.run, world.planning.cancel, world.reading.get, world.reading.results):
        with pytest.raises(NotFound):
            await verb(made.id)
    with pytest.raises(NotFound):
        await world.reading.trials(made.id, 0, "")


async def test_an_experiment_can_be_run_once(world: World) -> None:
    experiment_id, trials = await world.start()
    with pytest.raises(
        WrongState, match=r"The experiment is running\. Only a created experiment can be run\."
    ) as raised:
        await world.planning.run(experiment_id)
    assert raised.value.metadata == {"status": "running"}
    assert await world.trials(experiment_id) == trials


async def test_the_number_of_running_experiments_is_limited_per_developer(world: World) -> None:
    made = [await world.planning.create(world.plan()) for _ in range(world.rules.max_running + 1)]
    outcomes = await asyncio.gather(*(world.planning.run(one.id) for one in made), return_exceptions=True)
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, QuotaExceeded)]
    assert refused.metadata == {"limit": "3"}
    assert refused.message == (
        "You already have 3 running experiments; the limit is 3. Wait until one completes, or cancel one."
    )
    (left,) = [one.id for one in made if (await world.reading.get(one.id)).status is ExperimentStatus.CREATED]
    call_as("dev_b")
    await world.start()
    call_as("dev_a")
    running = next(one.id for one in made if one.id != left)
    await world.planning.cancel(running)
    assert (await world.planning.run(left)).status is ExperimentStatus.RUNNING


async def test_the_number_of_unfinished_experiments_is_limited_per_developer(world: World) -> None:
    made = [await world.planning.create(world.plan()) for _ in range(world.rules.max_unfinished - 1)]
    repeated = await world.planning.create(world.plan(request_id="again"))
    with pytest.raises(QuotaExceeded) as refused:
        await world.planning.create(world.plan())
    assert refused.value.metadata == {"limit": "50"}
    assert refused.value.message == (
        "You already have 50 unfinished experiments; the limit is 50. Run, cancel or delete some first."
    )
    # A repeated request does not count, other developers have their own limit, and an ended experiment does not count.
    assert (await world.planning.create(world.plan(request_id="again"))).id == repeated.id
    call_as("dev_b")
    await world.planning.create(world.plan())
    call_as("dev_a")
    await world.planning.cancel(made[0].id)
    await world.planning.create(world.plan())
