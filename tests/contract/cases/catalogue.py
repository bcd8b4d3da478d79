"""The catalogue of voice models."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.matching import ABSENT

CREATE = "EloService.CreateVoiceModel"
LIST = "EloService.ListVoiceModels"
GET = "EloService.GetVoiceModel"
UPDATE = "EloService.UpdateVoiceModel"
MODEL_ID = re.compile(r"mdl_[0-9a-f]{32}")
NO_MODEL = "mdl_" + "0" * 32


def model(**changes: object) -> dict[str, object]:
    """Returns a good request for a new model, changed in some fields."""
    config = {"voice_id": "en-gb", "parameters": {"speed": 1.25}}
    return {"name": "Quick", "provider": "espeak", "version": Given("new_version"), "config": config, **changes}


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
            }
        ),
    ),
    Case(
        "another model with the same request id",
        CREATE,
        model(request_id=Given("used_request_id")),
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    Case("the same model again", CREATE, model(version=Given("own_model_version")), Fails("ALREADY_EXISTS")),
    Case(
        "every bad field of a model is named",
        CREATE,
        {"provider": "No Such", "config": {"parameters": {"speed": 3}}, "version": "v" * 101},
        Fails("INVALID_INPUT", fields=("name", "provider", "version", "config.voice_id", "config.parameters.speed")),
    ),
    Case(
        "a model of an unknown provider",
        CREATE,
        model(provider="nobody"),
        Fails("INVALID_INPUT", fields=("provider",), says="espeak"),
    ),
    Case(
        "a model of a provider that can't be used says what would enable it",
        CREATE,
        model(provider="cartesia", config={"voice_id": "f786b574-daa5-4673-aa0c-cbe3e8534c02"}),
        Fails("INVALID_INPUT", fields=("provider",), says="cartesia can't be used: set CARTESIA_API_KEY"),
    ),
    Case(
        "a parameter that the provider does not take",
        CREATE,
        model(config={"voice_id": "en-gb", "parameters": {"seed": 7}}),
        Fails("INVALID_INPUT", fields=("config.parameters.seed",), says="is not a parameter of espeak; it takes speed"),
    ),
    Case(
        "a language that has not the shape of one",
        CREATE,
        model(config={"voice_id": "en-gb", "parameters": {"language": "en_GB"}}),
        Fails("INVALID_INPUT", fields=("config.parameters.language",), says="BCP 47"),
    ),
    Case(
        "a model with an unknown voice",
        CREATE,
        model(config={"voice_id": "tlh"}),
        Fails("INVALID_INPUT", fields=("config.voice_id",), says="/api/v1/voices?provider=espeak"),
    ),
    Case(
        "the catalogue of one provider",
        LIST,
        {"provider": "espeak", "active_only": True, "page_size": 1},
        Ok(
            {
                "models": [
                    {"provider": "espeak", "config": {"voice_id": "en-us", "parameters": ABSENT}, "rating": 1500}
                ],
                "next_page_token": re.compile(".+"),
            }
        ),
    ),
    Case(
        "the models of one developer",
        LIST,
        {"registered_by_me": True, "provider": "nobody"},
        Ok({"models": [], "next_page_token": ""}),
    ),
    Case(
        "the catalogue of a provider with NUL",
        LIST,
        {"provider": "\0"},
        Fails("INVALID_INPUT", fields=("provider",), says="U+0000"),
    ),
    Case(
        "a page token with other filters",
        LIST,
        {"page_token": Given("models_page_token"), "provider": "espeak"},
        Fails("INVALID_INPUT", fields=("page_token",), says="same filters"),
    ),
    Case(
        "a page of models has no negative size", LIST, {"page_size": -5}, Fails("INVALID_INPUT", fields=("page_size",))
    ),
    Case("a model is read", GET, {"id": Given("own_model")}, Ok({"id": Given("own_model"), "name": "Mine"})),
    Case("another developer's model is read", GET, {"id": Given("others_model")}, Ok({"id": Given("others_model")})),
    Case("a model that is not there", GET, {"id": NO_MODEL}, Fails("NOT_FOUND", says=NO_MODEL)),
    Case("an id of no model", GET, {"id": "espeak"}, Fails("INVALID_INPUT", fields=("id",), says="mdl_")),
    Case(
        "only what the mask names is changed",
        UPDATE,
        {"id": Given("new_model"), "name": "Renamed", "version": "ignored", "update_mask": "name"},
        Ok({"name": "Renamed", "version": Given("version_of_new_model")}),
    ),
    Case(
        "without a mask what is present is changed",
        UPDATE,
        {"id": Given("new_model"), "active": False},
        Ok({"active": False, "name": "Mine", "version": Given("version_of_new_model")}),
    ),
    Case(
        "a mask goes into the config",
        UPDATE,
        {"id": Given("new_model"), "config": {"parameters": {"speed": 0.5}}, "update_mask": "config.parameters"},
        Ok({"config": {"voice_id": "en-gb", "parameters": {"speed": 0.5}}}),
    ),
    Case(
        "a mask that names what can't be changed",
        UPDATE,
        {"id": Given("own_model"), "name": "x", "update_mask": "rating"},
        Fails("INVALID_INPUT", fields=("update_mask",), says="config.voice_id"),
    ),
    Case("nothing to change", UPDATE, {"id": Given("own_model")}, Fails("INVALID_INPUT", fields=("update_mask",))),
    Case(
        "a model that came with the installation is not changed",
        UPDATE,
        {"id": Given("installed_model"), "name": "Mine now"},
        Fails("PERMISSION_DENIED"),
    ),
    Case(
        "another developer's model is not changed",
        UPDATE,
        {"id": Given("others_model"), "name": "Mine now"},
        Fails("PERMISSION_DENIED"),
    ),
    Case("a model that is not there is not changed", UPDATE, {"id": NO_MODEL, "name": "x"}, Fails("NOT_FOUND")),
    Case(
        "a model keeps a good voice",
        UPDATE,
        {"id": Given("own_model"), "config": {"voice_id": "tlh"}, "update_mask": "config.voiceId"},
        Fails("INVALID_INPUT", fields=("config.voice_id",)),
    ),
]
