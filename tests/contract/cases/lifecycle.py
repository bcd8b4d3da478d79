"""Retrying, cloning and deleting experiments."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.cases.experiments import GET, RESULTS, RUN, TRIALS, WATCH
from tests.contract.cases.planning import MODELS, PLANNED, PROMPT
from tests.contract.matching import ABSENT

RETRY = "ExperimentService.RetryExperiment"
CLONE = "ExperimentService.CloneExperiment"
DELETE = "ExperimentService.DeleteExperiment"
OF_ONE = (RETRY, CLONE, DELETE)


def refused(case: str, /, *fields: str, says: str = "", json_reason: str = "", **changes: object) -> Case:
    """Returns the case of an invalid clone request."""
    request = {"id": Given("created_experiment"), **changes}
    return Case(case, CLONE, request, Fails("INVALID_INPUT", fields=fields, says=says, json_reason=json_reason))


CLONED = {
    **PLANNED,
    "cloned_from": Given("completed_experiment"),
    "seed": lambda seed: isinstance(seed, int),
}
RETRIED = [
    Case(
        "failed trials are retried",
        RETRY,
        {"id": Given("new_experiment_with_a_failure")},
        Ok(
            {
                "id": Given("new_experiment_with_a_failure"),
                "status": "running",
                "completed_trials": 1,
                "failed_trials": 0,
                "started_at": MOMENT,
                "ended_at": ABSENT,
            }
        ),
    ),
    Case(
        "an experiment without failed trials can't be retried",
        RETRY,
        {"id": Given("completed_experiment")},
        Fails("WRONG_STATE", metadata={"status": "completed"}, says="No trial of the experiment has failed"),
    ),
    Case(
        "an experiment that has not run can't be retried",
        RETRY,
        {"id": Given("created_experiment")},
        Fails("WRONG_STATE", metadata={"status": "created"}, says="completed"),
    ),
    Case(
        "a cancelled experiment can't be retried",
        RETRY,
        {"id": Given("cancelled_experiment")},
        Fails("WRONG_STATE", metadata={"status": "cancelled"}),
    ),
]
CLONES = [
    Case(
        "a clone equals its original and has not run",
        CLONE,
        {"id": Given("completed_experiment")},
        Ok({**CLONED, "id": re.compile(r"exp_[0-9a-f]{32}"), "status": "created", "completed_trials": 0}),
    ),
    Case(
        "a clone is created with changes",
        CLONE,
        {
            "id": Given("completed_experiment"),
            "name": "Changed",
            "scenario": "medical",
            "models": [*MODELS[1:4]],
            "prompts": ["One.", "Two."],
            "webhook_url": "https://example.com/hook",
            "repeats": 2,
            "weights": [{"metric": "ttfb", "weight": 0.5}, {"metric": "silence", "weight": 0.5}],
            "primary_metric": "ttfb_ms",
            "seed": 7,
            "audio_retention_days": 3,
        },
        Ok(
            {
                **CLONED,
                "name": "Changed",
                "scenario": "medical",
                "models": [{**model, "model_id": ""} for model in MODELS[1:4]],
                "prompts": ["One.", "Two."],
                "webhook_url": "https://example.com/hook",
                "repeats": 2,
                "composite": {
                    "name": "custom",
                    "weights": [{"metric": "ttfb", "weight": 0.5}, {"metric": "silence", "weight": 0.5}],
                },
                "primary_metric": "ttfb_ms",
                "seed": 7,
                "audio_retention_days": 3,
                "total_trials": 12,
            }
        ),
    ),
    Case(
        "a clone can replace weights by a profile and remove the webhook",
        CLONE,
        {"id": Given("cloned_experiment"), "profile": "latency", "webhook_url": ""},
        Ok({"composite": {"name": "latency"}, "webhook_url": "", "cloned_from": Given("cloned_experiment")}),
    ),
    Case(
        "fields that a clone request leaves out are copied from the original",
        CLONE,
        {"id": Given("cloned_experiment")},
        Ok(
            {
                "name": "With weights",
                "composite": {"name": "custom", "weights": [{"metric": "ttfb", "weight": 1}]},
                "webhook_url": "https://example.com/hook",
                "prompts": [PROMPT],
                "repeats": 3,
            }
        ),
    ),
    Case(
        "a repeated request returns the first clone",
        CLONE,
        {"id": Given("completed_experiment"), "request_id": Given("used_clone_request_id")},
        Ok({"id": Given("experiment_of_clone_request_id"), "name": "Test experiment"}),
    ),
    Case(
        "another clone with the same request_id is refused",
        CLONE,
        {"id": Given("completed_experiment"), "name": "Another", "request_id": Given("used_clone_request_id")},
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    refused("a clone with one model is refused", "models", says="2 to 4", models=MODELS[:1]),
    refused("a clone with the same model twice is refused", "models[1]", says="differ", models=[MODELS[0], MODELS[0]]),
    refused(
        "a clone with an unknown voice is refused",
        "models[0].voice_id",
        says="en-gb",
        models=[{"provider": "espeak", "voice_id": "tlh"}, MODELS[0]],
    ),
    refused(
        "a clone with the same prompt twice is refused", "prompts[1]", says="prompts[0]", prompts=["One.", " ONE."]
    ),
    refused("a clone with an empty prompt is refused", "prompts[0]", says="1 to 5000", prompts=[""]),
    refused("a clone with an unknown scenario is refused", "scenario", says="customer_support", scenario="karaoke"),
    refused("a clone with an unknown eval_mode is refused", "eval_mode", json_reason="MALFORMED_REQUEST", eval_mode=7),
    refused("a clone with zero repeats is refused", "repeats", says="1 to 5", repeats=0),
    refused("a clone with six repeats is refused", "repeats", says="1 to 5", repeats=6),
    refused(
        "a clone with an audio retention of zero days is refused",
        "audio_retention_days",
        says="1 to 3650",
        audio_retention_days=0,
    ),
    refused("a clone with an unknown profile is refused", "profile", says="latency", profile="cheap"),
    refused(
        "a clone whose weights don't sum to 1 is refused",
        "weights",
        says="sum to 1",
        weights=[{"metric": "ttfb", "weight": 0.5}],
    ),
    refused("a clone with an ftp webhook is refused", "webhook_url", webhook_url="ftp://example.com/"),
    refused(
        "a clone with a request_id above 100 characters is refused", "request_id", says="100", request_id="r" * 101
    ),
    refused("all invalid fields of a clone are named at once", "name", "repeats", name="n" * 201, repeats=9),
]
DELETED = [
    Case(
        "an experiment that has not run is deleted",
        DELETE,
        {"id": Given("new_experiment")},
        Ok({"id": Given("new_experiment"), "trials": 0}),
    ),
    Case(
        "an experiment is deleted with its trials",
        DELETE,
        {"id": Given("new_completed_experiment")},
        Ok({"id": Given("new_completed_experiment"), "trials": 2}),
    ),
    *(
        Case(
            f"{rpc.partition('.')[2]} of a deleted experiment is not found",
            rpc,
            {"id": Given("deleted_experiment")},
            Fails("NOT_FOUND"),
        )
        for rpc in (*OF_ONE, GET, RUN, RESULTS, TRIALS, WATCH)
    ),
]
FOREIGN = [
    *(
        Case(f"{rpc.partition('.')[2]} of {what} is not found", rpc, {"id": id_}, Fails("NOT_FOUND"))
        for rpc in OF_ONE
        for what, id_ in {
            "another developer's experiment": Given("experiment_of_somebody_else"),
            "an unknown experiment": "exp_" + "0" * 32,
        }.items()
    ),
    *(
        Case(
            f"{rpc.partition('.')[2]} with a malformed id is refused",
            rpc,
            {"id": "not-an-id"},
            Fails("INVALID_INPUT", fields=("id",), says="exp_ and 32 hexadecimal digits"),
        )
        for rpc in OF_ONE
    ),
    *(
        Case(
            f"{rpc.partition('.')[2]} without a key is refused",
            rpc,
            {"id": Given("created_experiment")},
            Fails("CREDENTIALS_MISSING"),
            caller="nobody",
        )
        for rpc in OF_ONE
    ),
]
CASES = [*RETRIED, *CLONES, *DELETED, *FOREIGN]
