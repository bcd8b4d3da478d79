"""The catalogue of voice models."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.matching import ABSENT

CREATE = "EloService.CreateVoiceModel"
LIST = "EloService.ListVoiceModels"
GET = "EloService.GetVoiceModel"
CARD = "EloService.GetVoiceModelCard"
UPDATE = "EloService.UpdateVoiceModel"
APPROVE = "EloService.ApproveVoiceModel"
MODEL_ID = re.compile(r"mdl_[0-9a-f]{32}")
NO_MODEL = "mdl_" + "0" * 32


def model(**changes: object) -> dict[str, object]:
    """Returns a valid request for a new model, with some fields changed."""
    config = {"voice_id": "en-gb", "parameters": {"speed": 1.25}}
    return {"name": "Quick", "provider": "espeak", "version": Given("new_version"), "config": config, **changes}


def recorded(**changes: object) -> dict[str, object]:
    """Returns a valid request for a new recorded model, with some fields changed."""
    return {"name": "Agent", "kind": "recorded", "language": "en-US", "version": Given("new_version"), **changes}


CASES = [
    Case(
        "a model is registered",
        CREATE,
        model(),
        Ok(
            {
                "id": MODEL_ID,
                "name": "Quick",
                "provider": "espeak",
                "version": Given("new_version"),
                "config": {"voice_id": "en-gb", "model_id": "", "parameters": {"speed": 1.25}},
                "rating": 1500,
                "developer_id": Given("developer_id"),
                "active": True,
                "created_at": MOMENT,
                "updated_at": MOMENT,
                "kind": "tts",
                "visibility": "public",
                "arena": False,
                "awaits_approval": False,
                "language": "en-gb",
                "elo_rating": 1500,
                "total_battles": 0,
                "win_rate": ABSENT,
                "cost_per_1000_characters": ABSENT,
                "stats": ABSENT,
            }
        ),
    ),
    Case(
        "another model with the same request_id is refused",
        CREATE,
        model(request_id=Given("used_request_id")),
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    Case("a model that exists is refused", CREATE, model(version=Given("own_model_version")), Fails("ALREADY_EXISTS")),
    Case(
        "all invalid fields of a model are named",
        CREATE,
        {"provider": "No Such", "config": {"parameters": {"speed": 3}}, "version": "v" * 101},
        Fails("INVALID_INPUT", fields=("name", "provider", "version", "config.voice_id", "config.parameters.speed")),
    ),
    Case(
        "a model of an unknown provider is refused",
        CREATE,
        model(provider="nobody"),
        Fails("INVALID_INPUT", fields=("provider",), says="espeak"),
    ),
    Case(
        "the refusal of an unavailable provider names the missing setting",
        CREATE,
        model(provider="cartesia", config={"voice_id": "f786b574-daa5-4673-aa0c-cbe3e8534c02"}),
        Fails("INVALID_INPUT", fields=("provider",), says="cartesia can't be used: set CARTESIA_API_KEY"),
    ),
    Case(
        "a parameter that the provider does not support is refused",
        CREATE,
        model(config={"voice_id": "en-gb", "parameters": {"seed": 7}}),
        Fails("INVALID_INPUT", fields=("config.parameters.seed",), says="is not a parameter of espeak; it takes speed"),
    ),
    Case(
        "a malformed language is refused",
        CREATE,
        model(config={"voice_id": "en-gb", "parameters": {"language": "en_GB"}}),
        Fails("INVALID_INPUT", fields=("config.parameters.language",), says="BCP 47"),
    ),
    Case(
        "a model with an unknown voice is refused",
        CREATE,
        model(config={"voice_id": "tlh"}),
        Fails("INVALID_INPUT", fields=("config.voice_id",), says="/api/v1/voices?provider=espeak"),
    ),
    Case(
        "the catalogue is listed by provider",
        LIST,
        {"provider": "espeak", "active_only": True, "page_size": 1},
        Ok(
            {
                "models": [{"provider": "espeak", "config": {"voice_id": "en-us", "parameters": ABSENT}}],
                "next_page_token": re.compile(".+"),
            }
        ),
    ),
    Case(
        "the catalogue is listed by developer",
        LIST,
        {"registered_by_me": True, "provider": "nobody"},
        Ok({"models": [], "next_page_token": ""}),
    ),
    Case(
        "a provider filter with NUL is refused",
        LIST,
        {"provider": "\0"},
        Fails("INVALID_INPUT", fields=("provider",), says="U+0000"),
    ),
    Case(
        "a page token with other filters is refused",
        LIST,
        {"page_token": Given("models_page_token"), "provider": "espeak"},
        Fails("INVALID_INPUT", fields=("page_token",), says="same filters"),
    ),
    Case(
        "a negative page_size of models is refused",
        LIST,
        {"page_size": -5},
        Fails("INVALID_INPUT", fields=("page_size",)),
    ),
    Case("a model has a card", CARD, {"id": Given("own_model")}, Ok({"content_type": "image/png"}), caller="nobody"),
    Case(
        "the card of a private model is for its owner",
        CARD,
        {"id": Given("new_private_model")},
        Ok({"content_type": "image/png"}),
    ),
    *(
        Case(f"the card of {what} is not found", CARD, {"id": id_}, Fails("NOT_FOUND"), caller=caller)
        for what, id_, caller in (
            ("another developer's private model", Given("private_model_of_somebody_else"), "developer"),
            ("a private model without a key", Given("new_private_model"), "nobody"),
            ("an unknown model", NO_MODEL, "nobody"),
        )
    ),
    Case("the card of a malformed id is refused", CARD, {"id": "card"}, Fails("INVALID_INPUT", ("id",))),
    Case("a model is read", GET, {"id": Given("own_model")}, Ok({"id": Given("own_model"), "name": "Mine"})),
    Case(
        "another developer's model can be read",
        GET,
        {"id": Given("model_of_somebody_else")},
        Ok({"id": Given("model_of_somebody_else")}),
    ),
    Case("an unknown model is not found", GET, {"id": NO_MODEL}, Fails("NOT_FOUND", says=NO_MODEL)),
    Case("a malformed model id is refused", GET, {"id": "espeak"}, Fails("INVALID_INPUT", fields=("id",), says="mdl_")),
    Case(
        "only the fields in the mask are changed",
        UPDATE,
        {"id": Given("new_model"), "name": "Renamed", "version": "ignored", "update_mask": "name"},
        Ok({"name": "Renamed", "version": Given("version_of_new_model")}),
    ),
    Case(
        "without a mask all present fields are changed",
        UPDATE,
        {"id": Given("new_model"), "active": False},
        Ok({"active": False, "name": "Mine", "version": Given("version_of_new_model")}),
    ),
    Case(
        "a mask can name a field of the config",
        UPDATE,
        {"id": Given("new_model"), "config": {"parameters": {"speed": 0.5}}, "update_mask": "config.parameters"},
        Ok({"config": {"voice_id": "en-gb", "parameters": {"speed": 0.5}}}),
    ),
    Case(
        "a mask that names a read-only field is refused",
        UPDATE,
        {"id": Given("own_model"), "name": "x", "update_mask": "rating"},
        Fails("INVALID_INPUT", fields=("update_mask",), says="config.voice_id"),
    ),
    Case(
        "an update without any field is refused",
        UPDATE,
        {"id": Given("own_model")},
        Fails("INVALID_INPUT", fields=("update_mask",)),
    ),
    Case(
        "a model that came with the installation can't be changed",
        UPDATE,
        {"id": Given("installed_model"), "name": "Mine now"},
        Fails("PERMISSION_DENIED"),
    ),
    Case(
        "another developer's model can't be changed",
        UPDATE,
        {"id": Given("model_of_somebody_else"), "name": "Mine now"},
        Fails("PERMISSION_DENIED"),
    ),
    Case("an update of an unknown model is not found", UPDATE, {"id": NO_MODEL, "name": "x"}, Fails("NOT_FOUND")),
    Case(
        "an update to an unknown voice is refused",
        UPDATE,
        {"id": Given("own_model"), "config": {"voice_id": "tlh"}, "update_mask": "config.voiceId"},
        Fails("INVALID_INPUT", fields=("config.voice_id",)),
    ),
    Case(
        "a recorded model has a language and neither provider nor config",
        CREATE,
        recorded(cost_per_1000_characters=0.5, arena=True),
        Ok(
            {
                "kind": "recorded",
                "language": "en-US",
                "provider": "",
                "config": ABSENT,
                "arena": True,
                "cost_per_1000_characters": 0.5,
            }
        ),
    ),
    Case(
        "a recorded model with a provider or without a language is refused",
        CREATE,
        recorded(provider="espeak", language=""),
        Fails("INVALID_INPUT", fields=("provider", "language"), says="its owner uploads recordings"),
    ),
    Case(
        "a recorded model with a config is refused",
        CREATE,
        recorded(config={"voice_id": "en-gb"}),
        Fails("INVALID_INPUT", fields=("config",), says="must be absent"),
    ),
    Case(
        "a recorded model with the name and version of another is refused",
        CREATE,
        recorded(version=Given("used_recorded_version")),
        Fails("ALREADY_EXISTS", says="this name and version"),
    ),
    Case(
        "a recorded model with another name and that version is registered",
        CREATE,
        recorded(name=Given("new_version"), version=Given("used_recorded_version")),
        Ok({"version": Given("used_recorded_version")}),
    ),
    Case(
        "a model of a provider with a language of its own is refused",
        CREATE,
        model(language="de"),
        Fails("INVALID_INPUT", fields=("language",), says="config.parameters.language"),
    ),
    Case(
        "a price that no model has is refused",
        CREATE,
        model(cost_per_1000_characters=1000.5),
        Fails("INVALID_INPUT", fields=("cost_per_1000_characters",), says="0 to 1000 US dollars"),
    ),
    Case(
        "the catalogue is listed by kind",
        LIST,
        {"kind": "recorded", "arena_only": True, "provider": "espeak"},
        Ok({"models": [], "next_page_token": ""}),
    ),
    Case(
        "three to six different local voices of the installation take part in the arena",
        LIST,
        {"arena_only": True, "provider": "espeak", "page_size": 100},
        # Developers can add others. With flite, three of the six are its voices.
        Ok({"models": lambda models: sum(not model["developer_id"] for model in models) in range(3, 7)}),
        caller="somebody_else",
    ),
    Case("no model awaits approval while it is off", LIST, {"awaiting_approval": True}, Ok({"models": []})),
    Case(
        "a model is read with its stats",
        GET,
        {"id": Given("own_model")},
        Ok(
            {
                "stats": {
                    "boards": [],
                    "wins": 0,
                    "losses": 0,
                    "ties": 0,
                    "both_bad": 0,
                    "both_bad_share": ABSENT,
                    "avg_wer": ABSENT,
                    "reliability": ABSENT,
                }
            }
        ),
    ),
    Case(
        "another developer's private model is not found",
        GET,
        {"id": Given("private_model_of_somebody_else")},
        Fails("NOT_FOUND", says="There is no voice model"),
    ),
    Case(
        "its owner reads it",
        GET,
        {"id": Given("private_model_of_somebody_else")},
        Ok({"visibility": "private"}),
        caller="somebody_else",
    ),
    Case(
        "another developer's private model can't even be found to change it",
        UPDATE,
        {"id": Given("private_model_of_somebody_else"), "name": "Mine now"},
        Fails("NOT_FOUND"),
    ),
    Case(
        "a private model becomes public and joins the arena",
        UPDATE,
        {"id": Given("new_private_model"), "visibility": "public", "arena": True, "cost_per_1000_characters": 2},
        Ok({"visibility": "public", "arena": True, "cost_per_1000_characters": 2}),
    ),
    Case(
        "a mask that names an absent visibility is refused",
        UPDATE,
        {"id": Given("own_model"), "update_mask": "visibility"},
        Fails("INVALID_INPUT", fields=("visibility",), says="public, private"),
    ),
    Case(
        "a mask can remove the price",
        UPDATE,
        {"id": Given("new_model"), "update_mask": "costPer1000Characters"},
        Ok({"cost_per_1000_characters": ABSENT}),
    ),
    Case(
        "a recorded model has no config to change",
        UPDATE,
        {"id": Given("own_recorded_model"), "config": {"voice_id": "en-gb"}},
        Fails("INVALID_INPUT", fields=("update_mask",), says="a recorded model has none"),
    ),
    Case(
        "the version of a model stays after its first battle",
        UPDATE,
        {"id": Given("fought_model"), "version": "2"},
        Fails("WRONG_STATE", says="Register another voice model"),
    ),
    Case(
        "so does its config",
        UPDATE,
        {"id": Given("fought_model"), "config": {"parameters": {"speed": 2}}, "update_mask": "config.parameters"},
        Fails("WRONG_STATE", says="Register another voice model"),
    ),
    Case(
        "and it can't become private",
        UPDATE,
        {"id": Given("fought_model"), "visibility": "private"},
        Fails("WRONG_STATE", says="stays public"),
    ),
    Case(
        "it can still be renamed and withdrawn",
        UPDATE,
        {"id": Given("fought_model"), "name": "Slow", "active": False},
        Ok({"name": "Slow", "active": False}),
    ),
    Case(
        "an operator approves a model",
        APPROVE,
        {"id": Given("own_model")},
        Ok({"id": Given("own_model"), "awaits_approval": False}),
        caller="operator key",
    ),
    Case(
        "a private model of somebody else is not found by an operator",
        APPROVE,
        {"id": Given("private_model_of_somebody_else")},
        Fails("NOT_FOUND"),
        caller="operator key",
    ),
    Case(
        "only an operator approves a model",
        APPROVE,
        {"id": Given("own_model")},
        Fails("PERMISSION_DENIED", says="OPERATORS"),
    ),
]
