"""A request_id makes one call repeatable, over every protocol and for simultaneous calls. Other calls can't use it."""

import asyncio
import secrets
from typing import Any

import pytest

from tests.contract.cases import planning, scenarios
from tests.contract.clients import PROTOCOLS, Client, bearer
from tests.contract.outcome import Outcome
from tests.contract.rpcs import rpcs
from tests.contract.world import World

# The calls that take a request_id.
CALLS = sorted(name for name, rpc in rpcs().items() if "request_id" in rpc.descriptor.input_type.fields_by_name)
SIMULTANEOUS_CALLS = 4


async def bodies(name: str, world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns two different requests, without a request_id."""
    some = secrets.token_hex(6)
    match name:
        case "AuthService.RegisterDeveloper":
            return {"name": "Ada", "email": f"{some}@example.com"}, {"name": "Ada", "email": f"{some}@example.org"}
        case "AuthService.CreateApiKey":
            return {"name": "laptop"}, {"name": "laptop", "scopes": ["speech"]}
        case "AuthService.RotateApiKey":
            id_ = await world.value("new_key_id", {})
            return {"id": id_}, {"id": id_, "overlap_seconds": 60}
        case "BattleService.CreateBattle":
            names = {"model_a_id": "model_of_espeak", "model_b_id": "other_model_of_espeak"}
            battle = {field: await world.value(name) for field, name in names.items()}
            battle["scenario_id"] = await world.value("built_in_scenario")
            return battle, {**battle, "private": True}
        case "EloService.CreateVoiceModel":
            config = {"voice_id": "en-gb"}
            model = {"name": "Mine", "provider": "espeak", "version": some, "config": config}
            return model, {**model, "version": f"{some}-2"}
        case "EvaluationService.CreateEvaluation":
            evaluation = {"audio_name": await world.value("audio_name"), "steps": ["signal"]}
            return evaluation, {**evaluation, "language": "de"}
        case "ExperimentService.CreateExperiment":
            return planning.experiment(), planning.experiment(name="Another")
        case "ExperimentService.CloneExperiment":
            id_ = await world.value("created_experiment")
            return {"id": id_}, {"id": id_, "name": "Another"}
        case "ListeningService.CreateListeningLink":
            id_ = await world.value("new_human_experiment", {})
            return {"experiment_id": id_}, {"experiment_id": id_, "expires_in_seconds": 60}
        case "ScenarioService.CreateScenario":
            return scenarios.scenario(), scenarios.scenario(name="Another")
        case "WebhookService.CreateWebhookEndpoint":
            return {"url": f"https://example.com/{some}"}, {"url": f"https://example.com/{some}/2"}
    raise AssertionError(f"add two requests of {name} here")


def made(outcome: Outcome) -> str:
    """Returns the id of the resource that a call created."""
    response = outcome.answer
    for name in ("api_key", "link", "endpoint"):
        if isinstance(response.get(name), dict):
            return str(response[name]["id"])
    return str(response["id"])


@pytest.mark.parametrize("name", CALLS)
async def test_a_repeated_call_returns_the_first_result_and_a_different_call_is_refused(
    name: str, clients: dict[str, Client], world: World
) -> None:
    body, another = await bodies(name, world)
    request_id = {"request_id": secrets.token_hex(16)}
    headers = bearer(world.developer.api_key)
    first = await clients["grpc"].call(rpcs()[name], body | request_id, headers)
    assert first.code == "OK", first.message
    for protocol in PROTOCOLS:
        again = await clients[protocol].call(rpcs()[name], body | request_id, headers)
        assert (again.code, made(again)) == ("OK", made(first)), protocol
        refused = await clients[protocol].call(rpcs()[name], another | request_id, headers)
        assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED"), protocol
        assert refused.http_status in (None, 409)


@pytest.mark.parametrize("name", CALLS)
async def test_of_two_different_simultaneous_calls_one_is_refused(
    name: str, clients: dict[str, Client], world: World
) -> None:
    both = await bodies(name, world)
    request_id = {"request_id": secrets.token_hex(16)}
    headers = bearer(world.developer.api_key)
    outcomes = await asyncio.gather(
        *(
            clients[protocol].call(rpcs()[name], body | request_id, headers)
            for protocol in PROTOCOLS
            for body in both * SIMULTANEOUS_CALLS
        )
    )
    refused = [outcome for outcome in outcomes if outcome.code != "OK"]
    assert {outcome.reason for outcome in refused} == {"REQUEST_ID_REUSED"}
    assert len(refused) == len(outcomes) // 2
    assert len({made(outcome) for outcome in outcomes if outcome.code == "OK"}) == 1
