"""Battles that developers start, and reading them."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import REUSED, Case, Fails, Given, Ok
from tests.contract.cases.catalogue import NO_MODEL
from tests.contract.cases.scenarios import NO_SCENARIO
from tests.contract.matching import ABSENT

CREATE = "BattleService.CreateBattle"
GET = "BattleService.GetBattle"
LIST = "BattleService.ListBattles"
BATTLE_ID = re.compile(r"bat_[0-9a-f]{32}")
EVALUATION_ID = re.compile(r"rnd_[0-9a-f]{32}")


def battle(**changes: object) -> dict[str, object]:
    """Returns a valid request for a battle of two models on a scenario, with some fields changed."""
    return {
        "model_a_id": Given("model_of_espeak"),
        "model_b_id": Given("other_model_of_espeak"),
        "scenario_id": Given("built_in_scenario"),
        **changes,
    }


CASES = [
    Case(
        "two models are compared on a scenario",
        CREATE,
        battle(),
        Ok(
            {
                "id": BATTLE_ID,
                "status": "preparing",
                "scenario_id": Given("built_in_scenario"),
                "category": "general",
                "language": "en",
                "eval_a_id": EVALUATION_ID,
                "eval_b_id": EVALUATION_ID,
                "winner": ABSENT,
                "vote_source": ABSENT,
                "elo_delta": ABSENT,
                "metric_vote": ABSENT,
                "rated": True,
                "unrated_reason": "",
                "draw": {"chosen_by_developer": True, "probability": ABSENT, "window_points": ABSENT},
                "private": False,
                "own_board": False,
                "developer_id": Given("developer_id"),
                "void_reason": "",
                "created_at": MOMENT,
                "opened_at": ABSENT,
                "closes_at": ABSENT,
                "decided_at": ABSENT,
                "webhook_secret": "",
            }
        ),
    ),
    Case(
        "the matchmaker chooses the models of a category",
        CREATE,
        {"category": "sales"},
        Ok({"id": BATTLE_ID, "category": "sales", "own_board": False, "private": False}),
    ),
    Case("the matchmaker chooses everything", CREATE, {}, Ok({"id": BATTLE_ID, "status": "preparing"})),
    Case(
        "one model meets a drawn one",
        CREATE,
        {"model_b_id": Given("model_of_espeak"), "category": "medical"},
        Ok({"category": "medical", "draw": {"chosen_by_developer": True}}),
    ),
    Case(
        "a private battle is on the own board",
        CREATE,
        battle(private=True),
        Ok({"private": True, "own_board": True, "developer_id": Given("developer_id")}),
    ),
    Case(
        "a battle on a private scenario is private",
        CREATE,
        battle(scenario_id=Given("private_scenario_of_developer")),
        Ok({"private": True, "own_board": True}),
    ),
    Case(
        "a repeated request returns the first battle",
        CREATE,
        {"category": "sales", "request_id": Given("used_battle_request_id")},
        Ok({"id": Given("battle_of_request_id")}),
    ),
    Case(
        "another battle with the same request_id is refused",
        CREATE,
        {"category": "medical", "request_id": Given("used_battle_request_id")},
        REUSED,
    ),
    Case(
        "the same model twice is refused",
        CREATE,
        battle(model_b_id=Given("model_of_espeak")),
        Fails("INVALID_INPUT", fields=("model_b_id",), says="leave it empty to have one drawn"),
    ),
    Case(
        "a withdrawn model is refused",
        CREATE,
        battle(model_a_id=Given("withdrawn_model")),
        Fails("INVALID_INPUT", fields=("model_a_id",), says="was withdrawn; GET /api/v1/models"),
    ),
    Case(
        "a recorded model without a recording of the scenario is refused",
        CREATE,
        battle(model_b_id=Given("own_recorded_model")),
        Fails("INVALID_INPUT", fields=("model_b_id",), says="upload one with POST /api/v1/evaluations"),
    ),
    Case(
        "a private model of somebody else does not exist",
        CREATE,
        battle(model_a_id=Given("private_model_of_somebody_else")),
        Fails("NOT_FOUND", says="There is no voice model", metadata={"resource": "voice model"}),
    ),
    Case("an unknown model does not exist", CREATE, battle(model_a_id=NO_MODEL), Fails("NOT_FOUND")),
    Case(
        "a private scenario of somebody else does not exist",
        CREATE,
        battle(scenario_id=Given("private_scenario_of_somebody_else")),
        Fails("NOT_FOUND", metadata={"resource": "scenario"}),
    ),
    Case("an unknown scenario does not exist", CREATE, battle(scenario_id=NO_SCENARIO), Fails("NOT_FOUND")),
    Case(
        "an archived scenario is refused",
        CREATE,
        battle(scenario_id=Given("scenario_in_archived_category")),
        Fails("INVALID_INPUT", fields=("scenario_id",), says="is archived; GET /api/v1/scenarios"),
    ),
    Case(
        "models of another language than the scenario are refused",
        CREATE,
        battle(scenario_id=Given("german_scenario")),
        Fails("INVALID_INPUT", fields=("model_a_id", "model_b_id"), says="choose models of one language"),
    ),
    Case(
        "a category without scenarios has no battles",
        CREATE,
        {"category": "no_such_category"},
        Fails("INVALID_INPUT", fields=("category",), says="customer_service"),
    ),
    Case(
        "a malformed category is refused",
        CREATE,
        {"category": "Customer Service"},
        Fails("INVALID_INPUT", fields=("category",), says="a-z, 0-9 and _"),
    ),
    Case(
        "a category beside a scenario is refused",
        CREATE,
        battle(category="sales"),
        Fails("INVALID_INPUT", fields=("category",), says="must be empty if scenario_id is given"),
    ),
    Case(
        "a malformed model is refused",
        CREATE,
        battle(model_a_id="espeak"),
        Fails("INVALID_INPUT", fields=("model_a_id",), says="32 hexadecimal digits"),
    ),
    Case("nobody can't start a battle", CREATE, battle(), Fails("CREDENTIALS_MISSING"), caller="nobody"),
    Case(
        "the developer who chose the models knows them before anybody votes",
        GET,
        {"id": Given("own_battle")},
        Ok(
            {
                "id": Given("own_battle"),
                "scenario_id": Given("built_in_scenario"),
                "draw": {"chosen_by_developer": True},
            }
        ),
    ),
    Case(
        "others do not know the models of a battle before it ends",
        GET,
        {"id": Given("own_battle")},
        Ok({"id": Given("own_battle"), "model_a_id": "", "model_b_id": "", "eval_a_id": "", "draw": ABSENT}),
        caller="nobody",
    ),
    Case(
        "a private battle of somebody else does not exist",
        GET,
        {"id": Given("own_private_battle")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "battles of a scenario are listed",
        LIST,
        {"scenario_id": Given("scenario_with_battle")},
        Ok({"battles": [{"id": Given("battle_on_own_scenario"), "developer_id": Given("developer_id")}]}),
    ),
]
