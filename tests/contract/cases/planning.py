"""Planning experiments."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.matching import ABSENT

CREATE = "ExperimentService.CreateExperiment"

MODELS = [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb", "en-us+f2", "en-gb+f2", "en-us+m3")]
PROMPT = "Hello, how can I help you today?"


def experiment(**changes: object) -> dict[str, object]:
    """Returns a good request for a new experiment, changed in some fields."""
    return {
        "name": "Test experiment",
        "scenario": "general",
        "eval_mode": "automated",
        "models": MODELS[:2],
        "prompts": [PROMPT],
        **changes,
    }


def refused(case: str, /, *fields: str, says: str = "", json_reason: str = "", **changes: object) -> Case:
    """Returns the case of a plan with a fault."""
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
HALVES = [{"metric": "silence", "weight": 0.5}, {"metric": "ttfa", "weight": 0.5}]
CASES = [
    Case("an experiment is planned", CREATE, experiment(), Ok(PLANNED)),
    Case(
        "a model without a voice has its provider's first",
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
        "as much as there may be",
        CREATE,
        experiment(models=MODELS[:4], prompts=[f"{number:02}{'x' * 4998}" for number in range(20)]),
        Ok({"total_trials": 80}),
    ),
    Case(
        "repeats, a seed, weights and times of one's own",
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
        "the same request again returns the first experiment",
        CREATE,
        experiment(request_id=Given("used_request_id")),
        Ok({"id": Given("experiment_of_request_id"), "name": "Test experiment"}),
    ),
    Case(
        "another experiment with the same request id",
        CREATE,
        experiment(request_id=Given("used_request_id"), name="Another"),
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    Case(
        "a clone with the request id of a new experiment",
        "ExperimentService.CloneExperiment",
        {"id": Given("experiment_of_request_id"), "request_id": Given("used_request_id")},
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    refused("a name is needed", "name", name=""),
    refused("a name has an end", "name", says="200", name="n" * 201),
    refused("an unknown scenario", "scenario", says="customer_support", scenario="karaoke"),
    refused("no eval_mode", "eval_mode", says="automated", eval_mode="eval_mode_unspecified"),
    refused("an unknown eval_mode", "eval_mode", says="automated", json_reason="MALFORMED_REQUEST", eval_mode=7),
    refused("one model", "models", says="2 to 4", models=MODELS[:1]),
    refused("five models", "models", says="2 to 4", models=MODELS),
    refused("the same model twice", "models[1]", says="differ", models=[MODELS[0], MODELS[0]]),
    refused(
        "the same model once by name and once by default",
        "models[1]",
        says="espeak:en-us",
        models=[{"provider": "espeak"}, MODELS[0]],
    ),
    refused("an unknown provider", "models[0].provider", says="espeak", models=[{"provider": "parrot"}, MODELS[0]]),
    refused(
        "an unknown voice",
        "models[1].voice_id",
        says="en-gb",
        models=[MODELS[0], {"provider": "espeak", "voice_id": "tlh"}],
    ),
    refused("a model of no provider", "models[1].provider", models=[MODELS[0], {"voice_id": "en-gb"}]),
    refused("no prompts", "prompts", says="1 to 20", prompts=[]),
    refused("21 prompts", "prompts", says="1 to 20", prompts=["Hello."] * 21),
    refused("an empty prompt", "prompts[1]", says="1 to 5000", prompts=["Hello.", ""]),
    refused("a prompt of white space", "prompts[0]", says="white space", prompts=[" \t\n\u3000"]),
    refused("a prompt of 100 kB", "prompts[2]", says="5000", prompts=["Hello.", "Hi.", "x" * 100_000]),
    refused(
        "the same prompt eight times", *(f"prompts[{n}]" for n in range(1, 8)), says="prompts[0]", prompts=["Hi."] * 8
    ),
    *(
        refused(
            f"a prompt that differs in {what} only", "prompts[1]", says="prompts[0]", prompts=["Caf\u00e9 one.", text]
        )
        for what, text in {
            "white space around it": "  Caf\u00e9 one.\n",
            "white space in it": "Caf\u00e9\u00a0\tone.",
            "upper case": "CAF\u00c9 ONE.",
            "a letter in two characters": "Cafe\u0301 one.",
            "full-width letters": "Caf\u00e9 \uff4f\uff4e\uff45.",
            "characters that can't be seen": "\ufeffCa\u200bf\u00e9\u00ad one.\u2060",
        }.items()
    ),
    refused(
        "prompts that are longer than one of the providers takes",
        "prompts[0]",
        "prompts[2]",
        says="prompts[2]: must be at most 4096 characters for models[1] of stand-in, got 4098",
        models=[{"provider": "espeak", "voice_id": "en-us"}, {"provider": "stand-in", "voice_id": "steady"}],
        prompts=["x" * 4097, "y" * 4096, "z" * 4098],
    ),
    refused("an invisible prompt", "prompts[0]", says="must have a visible character", prompts=["\u200b\u2060"]),
    refused("a prompt with a terminal's escape", "prompts[0]", says="U+001B", prompts=["Hello\x1b[2J there."]),
    refused("a prompt with NUL", "prompts[0]", says="U+0000", prompts=["Hello\0there."]),
    refused("a webhook that is no web address", "webhook_url", says="http", webhook_url="ftp://example.com/"),
    refused("a webhook with a space", "webhook_url", says="http", webhook_url="http://exa mple.com/"),
    refused("a webhook on two lines", "webhook_url", says="http", webhook_url="http://example.com/\n"),
    refused("a webhook without a host", "webhook_url", says="http", webhook_url="https://"),
    refused("a webhook that never ends", "webhook_url", says="2048", webhook_url="https://e.com/" + "x" * 2048),
    refused("no repeats", "repeats", says="1 to 5", repeats=0),
    refused("six repeats", "repeats", says="1 to 5", repeats=6),
    refused("repeats below nothing", "repeats", says="1 to 5", repeats=-1),
    refused("an unknown profile", "profile", says="latency, quality", profile="karaoke"),
    refused("a profile that takes what is not measured", "profile", says="naturalness_mos", profile="quality"),
    refused("a profile and weights", "profile", says="weights", profile="latency", weights=HALVES),
    refused("weights that don't sum to 1", "weights", says="sum to 1", weights=HALVES[:1]),
    refused(
        "a negative weight",
        "weights[1].weight",
        says="0 to 1",
        weights=[{"metric": "ttfb", "weight": 1}, {"metric": "ttfa", "weight": -0.5}],
    ),
    refused("a weight above 1", "weights[0].weight", says="0 to 1", weights=[{"metric": "ttfb", "weight": 1.5}]),
    refused("an unknown metric", "weights[0].metric", says="silence", weights=[{"metric": "charm", "weight": 1}]),
    refused("a metric with two weights", "weights[1].metric", says="once", weights=HALVES[:1] * 2),
    refused(
        "weights that take what is not measured",
        "weights",
        says="prosody_score",
        weights=[{"metric": "prosody", "weight": 1}],
    ),
    refused("an unknown primary metric", "primary_metric", says="ttfa_ms", primary_metric="charm"),
    refused("no votes", "votes_per_pair", says="1 to 100", votes_per_pair=0),
    refused("votes without end", "votes_per_pair", says="1 to 100", votes_per_pair=101),
    refused("no time to listen", "listening_days", says="1 to 90", listening_days=0),
    refused("time to listen without end", "listening_days", says="1 to 90", listening_days=91),
    refused("audio that is not kept", "audio_retention_days", says="1 to 3650", audio_retention_days=0),
    refused("audio that is kept for ever", "audio_retention_days", says="1 to 3650", audio_retention_days=3651),
    refused("a request_id that never ends", "request_id", says="100", request_id="r" * 101),
    refused(
        "every fault is named at once",
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
