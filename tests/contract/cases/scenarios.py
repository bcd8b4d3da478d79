"""Scenarios of battles."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import REUSED, Case, Fails, Given, Ok
from tests.contract.matching import ABSENT

CREATE = "ScenarioService.CreateScenario"
LIST = "ScenarioService.ListScenarios"
GET = "ScenarioService.GetScenario"
UPDATE = "ScenarioService.UpdateScenario"
ARCHIVE = "ScenarioService.ArchiveScenario"
APPROVE = "ScenarioService.ApproveScenario"
SCENARIO_ID = re.compile(r"scn_[0-9a-f]{32}")
NO_SCENARIO = "scn_" + "0" * 32
TEXT = "Your parcel 4815 arrives on March 3rd."


def scenario(**changes: object) -> dict[str, object]:
    """Returns a valid request for a new scenario, with some fields changed."""
    return {"name": "A parcel", "category": "parcels", "ground_truth_transcript": TEXT, **changes}


CASES = [
    Case(
        "a scenario is created with defaults",
        CREATE,
        scenario(),
        Ok(
            {
                "id": SCENARIO_ID,
                "name": "A parcel",
                "category": "parcels",
                "description": "",
                "difficulty": "medium",
                "language": "en",
                "ground_truth_transcript": TEXT,
                "visibility": "public",
                "developer_id": Given("developer_id"),
                "archived": False,
                "awaits_approval": False,
                "created_at": MOMENT,
                "updated_at": MOMENT,
                "total_battles": 0,
                "total_votes": 0,
                "tie_share": ABSENT,
            }
        ),
    ),
    Case(
        "a private scenario in another language is created",
        CREATE,
        scenario(language="pt-BR", difficulty="hard", visibility="private", description="On the phone."),
        Ok({"language": "pt-BR", "difficulty": "hard", "visibility": "private", "description": "On the phone."}),
    ),
    Case(
        "a repeated request returns the first scenario",
        CREATE,
        scenario(request_id=Given("used_scenario_request_id")),
        Ok({"id": Given("scenario_of_request_id")}),
    ),
    Case(
        "another scenario with the same request_id is refused",
        CREATE,
        scenario(name="Another", request_id=Given("used_scenario_request_id")),
        REUSED,
    ),
    Case(
        "an empty text is refused",
        CREATE,
        scenario(ground_truth_transcript=""),
        Fails("INVALID_INPUT", fields=("ground_truth_transcript",), says="must have 1 to 2000 characters"),
    ),
    Case(
        "a text of 10,000 characters is refused",
        CREATE,
        scenario(ground_truth_transcript="a" * 10_000),
        Fails("INVALID_INPUT", fields=("ground_truth_transcript",), says="must have 1 to 2000 characters, got 10000"),
    ),
    Case(
        "all invalid fields of a scenario are named",
        CREATE,
        scenario(name="", category="Two Words", description="d" * 2001, language="en_GB", request_id="r" * 101),
        Fails("INVALID_INPUT", fields=("name", "category", "description", "language", "request_id")),
    ),
    Case(
        "a scenario needs a key with the scope",
        CREATE,
        scenario(),
        Fails("SCOPE_MISSING", says="arena:write", metadata={"scope": "arena:write"}),
        caller="key with few scopes",
    ),
    Case(
        "anybody lists the built-in scenarios of a category and a difficulty",
        LIST,
        {"category": "medical", "difficulty": "hard", "page_size": 1},
        Ok(
            {
                "scenarios": [{"category": "medical", "difficulty": "hard", "language": "en", "developer_id": ""}],
                "next_page_token": re.compile(".+"),
            }
        ),
        caller="nobody",
    ),
    Case(
        "a language also selects its regions",
        LIST,
        {"category": Given("own_category"), "language": "pt"},
        Ok({"scenarios": [{"id": Given("scenario_in_own_category"), "language": "pt-BR"}], "next_page_token": ""}),
    ),
    Case(
        "a language does not select another one that begins like it",
        LIST,
        {"category": Given("own_category"), "language": "p"},
        Fails("INVALID_INPUT", fields=("language",), says="BCP 47"),
    ),
    Case(
        "archived scenarios are listed on request",
        LIST,
        {"category": Given("archived_category"), "include_archived": True},
        Ok({"scenarios": [{"id": Given("scenario_in_archived_category"), "archived": True}]}),
    ),
    Case("they are left out otherwise", LIST, {"category": Given("archived_category")}, Ok({"scenarios": []})),
    Case(
        "a developer lists what they created",
        LIST,
        {"category": Given("own_category"), "created_by_me": True},
        Ok(
            {
                "scenarios": [
                    {"developer_id": Given("developer_id"), "language": language} for language in ("pt-BR", "en", "pta")
                ]
            }
        ),
    ),
    Case(
        "what others created is left out then",
        LIST,
        {"category": Given("own_category"), "created_by_me": True},
        Ok({"scenarios": []}),
        caller="somebody_else",
    ),
    Case(
        "a caller without a key has created nothing",
        LIST,
        {"created_by_me": True},
        Fails("CREDENTIALS_MISSING"),
        caller="nobody",
    ),
    Case(
        "another developer's private scenarios are left out",
        LIST,
        {"category": Given("category_of_private_scenario_of_somebody_else")},
        Ok({"scenarios": []}),
    ),
    Case(
        "so are they for nobody",
        LIST,
        {"category": Given("category_of_private_scenario_of_somebody_else")},
        Ok({"scenarios": []}),
        caller="nobody",
    ),
    Case(
        "their owner lists them",
        LIST,
        {"category": Given("category_of_private_scenario_of_somebody_else")},
        Ok({"scenarios": [{"id": Given("private_scenario_of_somebody_else")}]}),
        caller="somebody_else",
    ),
    Case("nothing awaits approval while it is off", LIST, {"awaiting_approval": True}, Ok({"scenarios": []})),
    Case(
        "a category that no scenario can have is refused",
        LIST,
        {"category": "Two Words"},
        Fails("INVALID_INPUT", fields=("category",), says="a-z, 0-9 and _"),
    ),
    Case(
        "a page token of another reader is refused",
        LIST,
        {"page_token": Given("scenarios_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",), says="same filters"),
        caller="somebody_else",
    ),
    Case(
        "a list with a key that is not valid is refused",
        LIST,
        {},
        Fails("CREDENTIALS_INVALID"),
        caller="mangled key",
    ),
    Case(
        "anybody reads a public scenario",
        GET,
        {"id": Given("own_scenario")},
        Ok({"scenario": {"id": Given("own_scenario"), "name": "A parcel"}, "battles": []}),
        caller="nobody",
    ),
    Case(
        "a voter reads a public scenario",
        GET,
        {"id": Given("own_scenario")},
        Ok({"scenario": {"id": Given("own_scenario")}}),
        caller="voter session",
    ),
    Case(
        "another developer's private scenario is not found",
        GET,
        {"id": Given("private_scenario_of_somebody_else")},
        Fails("NOT_FOUND", says="There is no scenario"),
    ),
    Case(
        "nobody finds it",
        GET,
        {"id": Given("private_scenario_of_somebody_else")},
        Fails("NOT_FOUND"),
        caller="nobody",
    ),
    Case(
        "its owner reads it",
        GET,
        {"id": Given("private_scenario_of_somebody_else")},
        Ok({"scenario": {"visibility": "private"}}),
        caller="somebody_else",
    ),
    Case("an unknown scenario is not found", GET, {"id": NO_SCENARIO}, Fails("NOT_FOUND", says=NO_SCENARIO)),
    Case("a malformed scenario id is refused", GET, {"id": "x"}, Fails("INVALID_INPUT", fields=("id",), says="scn_")),
    Case(
        "only the fields in the mask of a scenario are changed",
        UPDATE,
        {"id": Given("new_scenario"), "name": "Renamed", "category": "ignored", "update_mask": "name"},
        Ok({"name": "Renamed", "category": "parcels"}),
    ),
    Case(
        "without a mask all present fields of a scenario are changed",
        UPDATE,
        {"id": Given("new_scenario"), "ground_truth_transcript": "Other words.", "difficulty": "easy"},
        Ok({"ground_truth_transcript": "Other words.", "difficulty": "easy", "name": "A parcel"}),
    ),
    Case(
        "an update to an empty text is refused",
        UPDATE,
        {"id": Given("own_scenario"), "ground_truth_transcript": ""},
        Fails("INVALID_INPUT", fields=("ground_truth_transcript",), says="1 to 2000"),
    ),
    Case(
        "a mask that names a read-only field of a scenario is refused",
        UPDATE,
        {"id": Given("own_scenario"), "update_mask": "archived"},
        Fails("INVALID_INPUT", fields=("update_mask",), says="ground_truth_transcript"),
    ),
    Case(
        "a mask that names an absent difficulty is refused",
        UPDATE,
        {"id": Given("own_scenario"), "update_mask": "difficulty"},
        Fails("INVALID_INPUT", fields=("difficulty",), says="easy, medium, hard"),
    ),
    Case(
        "the text of a scenario stays after its first battle",
        UPDATE,
        {"id": Given("fought_scenario"), "ground_truth_transcript": "Other words."},
        Fails("WRONG_STATE", says="Create another one"),
    ),
    Case(
        "so does its language",
        UPDATE,
        {"id": Given("fought_scenario"), "language": "de"},
        Fails("WRONG_STATE", says="Create another one"),
    ),
    Case(
        "and it can't become private",
        UPDATE,
        {"id": Given("fought_scenario"), "visibility": "private"},
        Fails("WRONG_STATE", says="stays public"),
    ),
    Case(
        "its name can change",
        UPDATE,
        {"id": Given("fought_scenario"), "name": "A parcel", "ground_truth_transcript": TEXT},
        Ok({"name": "A parcel"}),
    ),
    Case(
        "a scenario that came with the installation can't be changed",
        UPDATE,
        {"id": Given("built_in_scenario"), "name": "Mine now"},
        Fails("PERMISSION_DENIED", says="Only the developer who created"),
    ),
    Case(
        "another developer's private scenario can't even be found to change it",
        UPDATE,
        {"id": Given("private_scenario_of_somebody_else"), "name": "Mine now"},
        Fails("NOT_FOUND"),
    ),
    Case("a scenario is archived", ARCHIVE, {"id": Given("new_scenario")}, Ok({"archived": True, "name": "A parcel"})),
    Case(
        "a scenario is archived again",
        ARCHIVE,
        {"id": Given("scenario_in_archived_category")},
        Ok({"archived": True, "updated_at": Given("scenario_archived_at")}),
    ),
    Case(
        "another developer's scenario can't be archived",
        ARCHIVE,
        {"id": Given("own_scenario")},
        Fails("PERMISSION_DENIED"),
        caller="somebody_else",
    ),
    Case(
        "an operator approves a scenario",
        APPROVE,
        {"id": Given("own_scenario")},
        Ok({"id": Given("own_scenario"), "awaits_approval": False}),
        caller="operator key",
    ),
    Case(
        "a private scenario of somebody else is not found by an operator",
        APPROVE,
        {"id": Given("private_scenario_of_somebody_else")},
        Fails("NOT_FOUND"),
        caller="operator key",
    ),
    Case(
        "only an operator approves a scenario",
        APPROVE,
        {"id": Given("own_scenario")},
        Fails("PERMISSION_DENIED", says="OPERATORS"),
    ),
]
