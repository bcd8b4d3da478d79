"""Planning experiments."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.matching import ABSENT

CREATE = "ExperimentService.CreateExperiment"

MODELS = [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb", "en-us+f2", "en-gb+f2", "en-us+m3")]
PROMPT = "Hello, how can I help you today?"
LISTENED_PROMPT = "Call us at 555-0123."
"""The prompt of an experiment whose trials models listen to. It has a hard word."""


def experiment(**changes: object) -> dict[str, object]:
    """Returns a valid request for a new experiment, with some fields changed.

    It has the profile `latency` unless it has weights, so that no model listens to its trials.
    """
    profile = {} if "weights" in changes else {"profile": "latency"}
    return {
        **profile,
        "name": "Test experiment",
        "scenario": "general",
        "eval_mode": "automated",
        "models": MODELS[:2],
        "prompts": [PROMPT],
        **changes,
    }


def refused(case: str, /, *fields: str, says: str = "", json_reason: str = "", **changes: object) -> Case:
    """Returns the case of an invalid request for an experiment."""
    expect = Fails("INVALID_INPUT", fields=fields, says=says, json_reason=json_reason)
    return Case(case, CREATE, experiment(**changes), expect)


PLANNED = {
    "id": re.compile(r"exp_[0-9a-f]{32}"),
    "developer_id": Given("developer_id"),
    "name": "Test experiment",
    "scenario": "general",
    "eval_mode": "automated",
    "status": "created",
    "models": [{**each, "model_id": ""} for each in MODELS[:2]],
    "prompts": [PROMPT],
    "webhook_url": "",
    "total_trials": 2,
    "completed_trials": 0,
    "failed_trials": 0,
    "error_message": "",
    "created_at": MOMENT,
    "started_at": ABSENT,
    "ended_at": ABSENT,
    "repeats": 1,
    "seed": lambda value: isinstance(value, int) and 0 <= value < 2**32,
    "composite": {"name": "latency", "version": 1},
    "primary_metric": "composite_per_prompt",
    "audio_retention_days": 30,
    "cloned_from": "",
}
GERMAN = {"provider": "espeak", "voice_id": "de"}
QUALITY_WEIGHTS = [
    {"metric": "generation_time", "weight": 0.1},
    {"metric": "ttfa", "weight": 0.15},
    {"metric": "intelligibility", "weight": 0.4375},
    {"metric": "prosody", "weight": 0.0625},
    {"metric": "signal_quality", "weight": 0.25},
]
"""Of the small models, which measure no naturalness."""
HALVES = [{"metric": "silence", "weight": 0.5}, {"metric": "ttfa", "weight": 0.5}]
CASES = [
    Case("an experiment is planned", CREATE, experiment(), Ok(PLANNED)),
    Case(
        "a model without a voice gets its provider's first voice",
        CREATE,
        experiment(models=[{"provider": "espeak"}, MODELS[1]], webhook_url="https://example.com/hook?x=1"),
        Ok(
            {
                "models": [{**MODELS[0], "model_id": ""}, {**MODELS[1], "model_id": ""}],
                "webhook_url": "https://example.com/hook?x=1",
            }
        ),
    ),
    Case(
        "the largest experiment is planned",
        CREATE,
        experiment(models=MODELS[:4], prompts=[f"{number:02}{'x' * 4998}" for number in range(20)]),
        Ok({"total_trials": 80}),
    ),
    Case(
        "without a profile English voices are judged by quality",
        CREATE,
        experiment(profile=""),
        Ok({"composite": {"name": "quality", "version": 2, "weights": QUALITY_WEIGHTS}}),
    ),
    Case(
        "the profile quality has the parts that this installation measures",
        CREATE,
        experiment(profile="quality"),
        Ok({"composite": {"name": "quality", "version": 2, "weights": QUALITY_WEIGHTS}}),
    ),
    Case(
        "without a profile a voice that can't be transcribed is judged by latency",
        CREATE,
        experiment(profile="", models=[MODELS[0], GERMAN]),
        Ok({"composite": {"name": "latency"}}),
    ),
    Case(
        "word errors can be the evidence",
        CREATE,
        experiment(primary_metric="word_error_rate"),
        Ok({"composite": {"name": "latency"}, "primary_metric": "word_error_rate"}),
    ),
    Case(
        "an experiment is planned with all optional fields",
        CREATE,
        experiment(
            eval_mode="hybrid",
            repeats=5,
            seed=4294967295,
            weights=HALVES,
            primary_metric="ttfa_ms",
            votes_per_pair=100,
            listening_days=90,
            audio_retention_days=3650,
        ),
        Ok(
            {
                "eval_mode": "hybrid",
                "total_trials": 10,
                "repeats": 5,
                "seed": 4294967295,
                "composite": {"name": "custom", "version": 1},
                "primary_metric": "ttfa_ms",
                "audio_retention_days": 3650,
                "listening": {"votes_per_pair": 100, "open": False},
            }
        ),
    ),
    Case(
        "a repeated request returns the first experiment",
        CREATE,
        experiment(request_id=Given("used_request_id")),
        Ok({"id": Given("experiment_of_request_id"), "name": "Test experiment"}),
    ),
    Case(
        "another experiment with the same request_id is refused",
        CREATE,
        experiment(request_id=Given("used_request_id"), name="Another"),
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    Case(
        "a clone with the request_id of a new experiment is refused",
        "ExperimentService.CloneExperiment",
        {"id": Given("experiment_of_request_id"), "request_id": Given("used_request_id")},
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    refused("an empty name is refused", "name", name=""),
    refused("a name above 200 characters is refused", "name", says="200", name="n" * 201),
    refused("an unknown scenario is refused", "scenario", says="customer_support", scenario="karaoke"),
    refused("a request without eval_mode is refused", "eval_mode", says="automated", eval_mode="eval_mode_unspecified"),
    refused(
        "an unknown eval_mode is refused", "eval_mode", says="automated", json_reason="MALFORMED_REQUEST", eval_mode=7
    ),
    refused("one model is refused", "models", says="2 to 4", models=MODELS[:1]),
    refused("five models are refused", "models", says="2 to 4", models=MODELS),
    refused("the same model twice is refused", "models[1]", says="differ", models=[MODELS[0], MODELS[0]]),
    refused(
        "the same model by voice and by default is refused",
        "models[1]",
        says="espeak:en-us",
        models=[{"provider": "espeak"}, MODELS[0]],
    ),
    refused(
        "an unknown provider is refused",
        "models[0].provider",
        says="espeak",
        models=[{"provider": "parrot"}, MODELS[0]],
    ),
    refused(
        "an unknown voice is refused",
        "models[1].voice_id",
        says="en-gb",
        models=[MODELS[0], {"provider": "espeak", "voice_id": "tlh"}],
    ),
    refused("a model without a provider is refused", "models[1].provider", models=[MODELS[0], {"voice_id": "en-gb"}]),
    refused("an empty list of prompts is refused", "prompts", says="1 to 20", prompts=[]),
    refused("21 prompts are refused", "prompts", says="1 to 20", prompts=["Hello."] * 21),
    refused("an empty prompt is refused", "prompts[1]", says="1 to 5000", prompts=["Hello.", ""]),
    refused("a prompt of white space is refused", "prompts[0]", says="white space", prompts=[" \t\n\u3000"]),
    refused("a prompt of 100 kB is refused", "prompts[2]", says="5000", prompts=["Hello.", "Hi.", "x" * 100_000]),
    refused(
        "the same prompt eight times is refused",
        *(f"prompts[{n}]" for n in range(1, 8)),
        says="prompts[0]",
        prompts=["Hi."] * 8,
    ),
    *(
        refused(
            f"a prompt that differs only in {what} is refused",
            "prompts[1]",
            says="prompts[0]",
            prompts=["Caf\u00e9 one.", text],
        )
        for what, text in {
            "white space around it": "  Caf\u00e9 one.\n",
            "white space in it": "Caf\u00e9\u00a0\tone.",
            "upper case": "CAF\u00c9 ONE.",
            "a letter composed of two characters": "Cafe\u0301 one.",
            "full-width letters": "Caf\u00e9 \uff4f\uff4e\uff45.",
            "invisible characters": "\ufeffCa\u200bf\u00e9\u00ad one.\u2060",
        }.items()
    ),
    refused(
        "prompts above the limit of one provider are refused",
        "prompts[0]",
        "prompts[2]",
        says="prompts[2]: must be at most 4096 characters for models[1] of stand-in, got 4098",
        models=[{"provider": "espeak", "voice_id": "en-us"}, {"provider": "stand-in", "voice_id": "steady"}],
        prompts=["x" * 4097, "y" * 4096, "z" * 4098],
    ),
    refused(
        "a prompt of invisible characters is refused",
        "prompts[0]",
        says="must have a visible character",
        prompts=["\u200b\u2060"],
    ),
    refused("a prompt with a terminal escape is refused", "prompts[0]", says="U+001B", prompts=["Hello\x1b[2J there."]),
    refused("a prompt with NUL is refused", "prompts[0]", says="U+0000", prompts=["Hello\0there."]),
    refused("an ftp webhook is refused", "webhook_url", says="http", webhook_url="ftp://example.com/"),
    refused("a webhook with a space is refused", "webhook_url", says="http", webhook_url="http://exa mple.com/"),
    refused("a webhook with a line break is refused", "webhook_url", says="http", webhook_url="http://example.com/\n"),
    refused("a webhook without a host is refused", "webhook_url", says="http", webhook_url="https://"),
    refused(
        "a webhook above 2048 characters is refused",
        "webhook_url",
        says="2048",
        webhook_url="https://e.com/" + "x" * 2048,
    ),
    refused("zero repeats are refused", "repeats", says="1 to 5", repeats=0),
    refused("six repeats are refused", "repeats", says="1 to 5", repeats=6),
    refused("negative repeats are refused", "repeats", says="1 to 5", repeats=-1),
    refused("an unknown profile is refused", "profile", says="latency, quality", profile="karaoke"),
    refused(
        "the profile quality with a voice that can't be transcribed is refused",
        "profile",
        says="but models[1] (espeak:de) speaks de",
        profile="quality",
        models=[MODELS[0], GERMAN],
    ),
    refused("a profile together with weights is refused", "profile", says="weights", profile="latency", weights=HALVES),
    refused("weights that don't sum to 1 are refused", "weights", says="sum to 1", weights=HALVES[:1]),
    refused(
        "a negative weight is refused",
        "weights[1].weight",
        says="0 to 1",
        weights=[{"metric": "ttfb", "weight": 1}, {"metric": "ttfa", "weight": -0.5}],
    ),
    refused(
        "a weight above 1 is refused", "weights[0].weight", says="0 to 1", weights=[{"metric": "ttfb", "weight": 1.5}]
    ),
    refused(
        "an unknown metric is refused", "weights[0].metric", says="silence", weights=[{"metric": "charm", "weight": 1}]
    ),
    refused("a metric with two weights is refused", "weights[1].metric", says="once", weights=HALVES[:1] * 2),
    refused(
        "a weight of an unmeasured metric is refused",
        "weights",
        says="naturalness_mos",
        weights=[{"metric": "naturalness", "weight": 1}],
    ),
    refused("an unknown primary metric is refused", "primary_metric", says="ttfa_ms", primary_metric="charm"),
    refused("zero votes per pair are refused", "votes_per_pair", says="1 to 100", votes_per_pair=0),
    refused("101 votes per pair are refused", "votes_per_pair", says="1 to 100", votes_per_pair=101),
    refused("zero listening days are refused", "listening_days", says="1 to 90", listening_days=0),
    refused("91 listening days are refused", "listening_days", says="1 to 90", listening_days=91),
    refused(
        "an audio retention of zero days is refused", "audio_retention_days", says="1 to 3650", audio_retention_days=0
    ),
    refused(
        "an audio retention of 3651 days is refused",
        "audio_retention_days",
        says="1 to 3650",
        audio_retention_days=3651,
    ),
    refused("a request_id above 100 characters is refused", "request_id", says="100", request_id="r" * 101),
    refused(
        "all invalid fields of an experiment are named at once",
        "name",
        "scenario",
        "models",
        "prompts",
        name="\u2003",
        scenario="",
        models=[],
        prompts=[],
    ),
]
