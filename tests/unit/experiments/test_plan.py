"""Plans: the score, repeats, listening and retention, and what an installation without listening models refuses."""

import dataclasses
import math

import pytest

from services.experiments.domain import EvalMode, ModelSpec
from services.experiments.planning.domain import plan_of
from services.experiments.verdict import LATENCY, QUALITY, CompositeProfile
from services.runtime.errors import InvalidInput
from tests.unit.experiments.conftest import World

HALVES = [("ttfb", 0.5), ("silence", 0.5)]
THIRDS = [("ttfb", 0.333_333_3), ("ttfa", 0.333_333_3), ("silence", 0.333_333_4)]
EVERYTHING = [
    ("ttfb", 0.125),
    ("generation_time", 0.125),
    ("ttfa", 0.125),
    ("silence", 0.125),
    ("duration_accuracy", 0.125),
    ("naturalness", 0.125),
    ("intelligibility", 0.125),
    ("prosody", 0.075),
    ("signal_quality", 0.05),
]
SMALL_MODELS = {"word_error_rate", "signal_quality_mos", "prosody_score"}
ALL_MODELS = SMALL_MODELS | {"naturalness_mos"}
# Of the profile quality without naturalness: 0.35, 0.2, 0.05, 0.12 and 0.08, each divided by 0.8.
SMALL_QUALITY = {
    "generation_time": 0.1,
    "ttfa": 0.15,
    "intelligibility": 0.4375,
    "prosody": 0.0625,
    "signal_quality": 0.25,
}
MISSING = "The package listener is not installed. `make listening` installs it."
WHERE = "GET /api/v1/metrics lists every metric and what it takes"


async def refused(world: World, **changed: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as raised:
        await world.planning.create(world.plan(**changed))
    return [(violation.field, violation.description) for violation in raised.value.violations]


async def test_missing_fields_get_the_defaults_of_the_installation(world: World) -> None:
    made = await world.planning.create(world.plan())
    assert (made.repeats, made.composite, made.primary_metric) == (1, LATENCY, "composite_per_prompt")
    assert (made.votes_per_pair, made.listening_days, made.audio_retention_days) == (3, 14, 30)
    assert made.cloned_from == ""


async def test_an_experiment_has_the_values_of_its_plan(world: World) -> None:
    made = await world.planning.create(
        world.plan(
            eval_mode=EvalMode.HYBRID,
            repeats=5,
            weights=HALVES,
            primary_metric="ttfa_ms",
            seed=0,
            votes_per_pair=100,
            listening_days=90,
            audio_retention_days=3650,
            prompts=["One.", "Two."],
        )
    )
    assert (made.eval_mode, made.repeats, made.total_trials) == (EvalMode.HYBRID, 5, 20)
    assert made.composite == CompositeProfile("custom", 1, {"ttfb": 0.5, "silence": 0.5})
    assert (made.primary_metric, made.seed) == ("ttfa_ms", 0)
    assert (made.votes_per_pair, made.listening_days, made.audio_retention_days) == (100, 90, 3650)
    assert await world.reading.get(made.id) == made


@pytest.mark.parametrize(
    ("changed", "field", "description"),
    [
        ({"repeats": 0}, "repeats", "must be 1 to 5, got 0"),
        ({"repeats": 6}, "repeats", "must be 1 to 5, got 6"),
        ({"repeats": -1}, "repeats", "must be 1 to 5, got -1"),
        ({"seed": -1}, "seed", "must be 0 to 4294967295, got -1"),
        ({"votes_per_pair": 0}, "votes_per_pair", "must be 1 to 100, got 0"),
        ({"votes_per_pair": 101}, "votes_per_pair", "must be 1 to 100, got 101"),
        ({"listening_days": 0}, "listening_days", "must be 1 to 90, got 0"),
        ({"listening_days": 91}, "listening_days", "must be 1 to 90, got 91"),
        ({"audio_retention_days": 0}, "audio_retention_days", "must be 1 to 3650, got 0"),
        ({"audio_retention_days": 3651}, "audio_retention_days", "must be 1 to 3650, got 3651"),
        ({"profile": "Latency"}, "profile", "must be one of latency, quality"),
        (
            {"primary_metric": "mos"},
            "primary_metric",
            "must be one of composite_per_prompt, ttfb_ms, ttfa_ms, generation_time_ms, word_error_rate",
        ),
        ({"profile": "latency", "weights": HALVES}, "profile", "must be empty if weights are given"),
        ({"weights": [("ttfb", 0.5), ("silence", 0.4)]}, "weights", "must sum to 1, got 0.9"),
        ({"weights": [("ttfb", 0.5), ("silence", 0.500_002)]}, "weights", "must sum to 1, got 1.000002"),
        ({"weights": [("ttfb", 0.0)]}, "weights", "must sum to 1, got 0"),
        ({"weights": [("ttfb", 1.5)]}, "weights[0].weight", "must be 0 to 1, got 1.5"),
        ({"weights": [("ttfb", 1.25), ("ttfa", -0.25)]}, "weights[0].weight", "must be 0 to 1, got 1.25"),
        ({"weights": [("ttfb", 1.0), ("ttfa", -0.25)]}, "weights[1].weight", "must be 0 to 1, got -0.25"),
        ({"weights": [("ttfb", math.nan)]}, "weights[0].weight", "must be 0 to 1, got nan"),
        ({"weights": [("ttfb", math.inf)]}, "weights[0].weight", "must be 0 to 1, got inf"),
        (
            {"weights": [("ttfb", 0.5), ("ttfb", 0.5)]},
            "weights[1].metric",
            "must be given once, but weights[0] is also ttfb",
        ),
        (
            {"weights": [("speed", 1.0)]},
            "weights[0].metric",
            "must be one of ttfb, generation_time, ttfa, silence, duration_accuracy, naturalness, intelligibility, "
            "prosody, signal_quality",
        ),
        ({"weights": [*EVERYTHING, ("ttfb", 0.0)]}, "weights", "must be at most 9 weights, got 10"),
    ],
)
async def test_a_value_out_of_range_is_refused_with_the_allowed_range(
    world: World, changed: dict[str, object], field: str, description: str
) -> None:
    assert (await refused(world, **changed))[0] == (field, description)


async def test_all_invalid_numbers_and_weights_are_named_together(world: World) -> None:
    found = await refused(world, repeats=0, weights=[("x", 2.0)], primary_metric="x", votes_per_pair=0)
    assert [field for field, _ in found] == [
        "weights[0].metric",
        "weights[0].weight",
        "primary_metric",
        "repeats",
        "votes_per_pair",
    ]


@pytest.mark.parametrize("weights", [[("ttfa", 1.0)], HALVES, THIRDS])
async def test_a_single_weight_and_rounded_weights_are_accepted(world: World, weights: list[tuple[str, float]]) -> None:
    made = await world.planning.create(world.plan(weights=weights))
    assert dict(made.composite.weights) == dict(weights)


async def test_the_profile_quality_is_refused_if_nothing_listens(world: World) -> None:
    assert await refused(world, profile="quality") == [
        (
            "profile",
            "the profile quality needs naturalness_mos, word_error_rate, prosody_score, signal_quality_mos, which "
            f"can't decide here: {MISSING} {WHERE}",
        )
    ]


async def test_weights_that_need_listening_models_are_refused_without_them(world: World) -> None:
    assert await refused(world, weights=[("prosody", 0.5), ("ttfb", 0.5)]) == [
        ("weights", f"these weights need prosody_score, which can't decide here: {MISSING} {WHERE}")
    ]
    # A metric with the weight 0 is not needed.
    made = await world.planning.create(world.plan(weights=[("prosody", 0.0), ("ttfb", 1.0)]))
    assert dict(made.composite.weights) == {"ttfb": 1.0}


async def test_named_weights_are_never_changed(world: World) -> None:
    world.metrics.names = SMALL_MODELS
    assert await refused(world, weights=EVERYTHING) == [
        ("weights", f"these weights need naturalness_mos, which can't decide here: {MISSING} {WHERE}")
    ]
    world.metrics.names = ALL_MODELS
    made = await world.planning.create(world.plan(weights=EVERYTHING))
    assert dict(made.composite.weights) == dict(EVERYTHING)


async def test_quality_has_the_parts_that_the_installation_measures(world: World) -> None:
    world.metrics.names = ALL_MODELS
    assert (await world.planning.create(world.plan(profile="quality"))).composite == QUALITY
    world.metrics.names = SMALL_MODELS
    made = await world.planning.create(world.plan(profile="quality"))
    assert (made.composite, made.listens) == (CompositeProfile("quality", 2, SMALL_QUALITY), True)
    assert await world.reading.get(made.id) == made


async def test_a_metric_that_fails_its_audit_decides_nothing(world: World) -> None:
    world.metrics.names = ALL_MODELS
    world.metrics.audit_failures = {"naturalness_mos": "Noise raised it."}
    assert dict((await world.planning.create(world.plan(profile="quality"))).composite.weights) == SMALL_QUALITY
    assert await refused(world, weights=[("naturalness", 1.0)]) == [
        ("weights", f"these weights need naturalness_mos, which can't decide here: Noise raised it. {WHERE}")
    ]
    world.metrics.audit_failures = {"word_error_rate": "Swapped text did not raise it."}
    assert (await world.planning.create(world.plan())).composite == LATENCY


@pytest.mark.parametrize(
    ("english", "names", "expected"),
    [
        ({"en": "en-GB", "slt": "en"}, SMALL_MODELS, "quality"),
        # Nothing is transcribed here.
        ({"en": "en-GB", "slt": "en"}, SMALL_MODELS - {"word_error_rate"}, "latency"),
        ({"en": "en-GB", "slt": "en"}, set(), "latency"),
        # A language is unknown, or not that of the recogniser.
        ({"en": "en-GB"}, SMALL_MODELS, "latency"),
        ({"en": "en-GB", "slt": "und"}, SMALL_MODELS, "latency"),
        ({"en": "en-GB", "slt": "de"}, SMALL_MODELS, "latency"),
        ({"en": "en-GB", "slt": "enm"}, SMALL_MODELS, "latency"),
    ],
)
async def test_quality_is_the_default_if_every_voice_can_be_transcribed(
    world: World, english: dict[str, str], names: set[str], expected: str
) -> None:
    world.catalogue.languages, world.metrics.names = english, names
    assert (await world.planning.create(world.plan())).composite.name == expected


async def test_a_recogniser_of_all_languages_covers_every_known_one(world: World) -> None:
    world.catalogue.languages = {"en": "en-GB", "slt": "de"}
    world.metrics.names, world.metrics.languages = SMALL_MODELS, frozenset()
    assert (await world.planning.create(world.plan())).composite.name == "quality"


async def test_a_language_that_can_not_be_transcribed_is_refused_with_the_voices_and_languages(world: World) -> None:
    world.metrics.names = SMALL_MODELS
    world.catalogue.languages = {"en": "en-GB", "de": "de-AT", "slt": "fr"}
    models = [ModelSpec("espeak", voice) for voice in ("en", "de")] + [ModelSpec("flite", "slt")]
    only = (
        "which are measured here for en only, but models[1] (espeak:de) speaks de-AT, models[2] (flite:slt) speaks fr; "
        "use the profile latency, or weights without these metrics"
    )
    assert await refused(world, models=models, profile="quality") == [
        ("profile", f"the profile quality needs word_error_rate, prosody_score, {only}")
    ]
    assert await refused(world, models=models, weights=[("prosody", 1.0)]) == [
        ("weights", f"these weights need prosody_score, {only}")
    ]
    assert await refused(world, models=models, primary_metric="word_error_rate") == [
        ("primary_metric", f"the primary metric word_error_rate needs word_error_rate, {only}")
    ]
    # The quality of the signal can be predicted in each language.
    made = await world.planning.create(world.plan(models=models, weights=[("signal_quality", 1.0)]))
    assert dict(made.composite.weights) == {"signal_quality": 1.0}


async def test_a_voice_of_unknown_language_can_be_judged_by_quality_if_the_plan_says_so(world: World) -> None:
    world.metrics.names = SMALL_MODELS
    assert (await world.planning.create(world.plan(profile="quality"))).composite.name == "quality"


async def test_the_latency_profile_needs_nothing_that_listens(world: World) -> None:
    world.metrics.names, world.catalogue.languages = SMALL_MODELS, {"en": "en", "slt": "en"}
    made = await world.planning.create(world.plan(profile="latency"))
    assert (made.composite, made.listens) == (LATENCY, False)


async def test_a_primary_metric_from_listening_must_be_measured_here(world: World) -> None:
    assert await refused(world, primary_metric="word_error_rate", profile="latency") == [
        (
            "primary_metric",
            f"the primary metric word_error_rate needs word_error_rate, which can't decide here: {MISSING} {WHERE}",
        )
    ]
    world.metrics.names = SMALL_MODELS
    made = await world.planning.create(world.plan(primary_metric="word_error_rate", profile="latency"))
    assert (made.composite, made.primary_metric, made.listens) == (LATENCY, "word_error_rate", True)


async def test_a_clone_keeps_its_weights_after_an_installation(world: World) -> None:
    world.metrics.names = SMALL_MODELS
    first = await world.planning.create(world.plan(profile="quality"))
    world.metrics.names = ALL_MODELS
    assert (await world.planning.create(plan_of(first), first)).composite == first.composite
    named = dataclasses.replace(plan_of(first), composite=None, profile="quality")
    assert (await world.planning.create(named, first)).composite == QUALITY
    world.metrics.names = set()
    with pytest.raises(InvalidInput, match="the profile quality needs word_error_rate, prosody_score, signal"):
        await world.planning.create(plan_of(first), first)


async def test_a_clone_of_a_comparison_by_latency_stays_one(world: World) -> None:
    first = await world.planning.create(world.plan())
    world.metrics.names, world.catalogue.languages = SMALL_MODELS, {"en": "en", "slt": "en"}
    assert (await world.planning.create(plan_of(first), first)).composite == LATENCY


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"profile": "quality", "primary_metric": "ttfa_ms", "webhook_url": "https://example.org/x"},
        {"weights": HALVES, "repeats": 3, "eval_mode": EvalMode.HUMAN, "votes_per_pair": 7},
        {"listening_days": 2, "audio_retention_days": 5},
    ],
)
async def test_the_plan_of_an_experiment_creates_an_equal_experiment(world: World, changed: dict[str, object]) -> None:
    world.metrics.names = ALL_MODELS
    first = await world.planning.create(world.plan(**changed, seed=1, request_id="request 1"))
    second = await world.planning.create(plan_of(first), first)
    assert second.cloned_from == first.id
    assert plan_of(second) == plan_of(first)
    assert second.seed != first.seed


async def test_the_plan_of_an_experiment_resolves_its_models_again(world: World) -> None:
    world.catalogue.model_id = "large"
    made = await world.planning.create(world.plan())
    assert plan_of(made).models == [ModelSpec("espeak", "en"), ModelSpec("flite", "slt")]
