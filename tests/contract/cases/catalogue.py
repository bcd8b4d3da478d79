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
    """Returns a valid request for a new model, with some fields changed."""
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
                "models": [
                    {"provider": "espeak", "config": {"voice_id": "en-us", "parameters": ABSENT}, "rating": 1500}
                ],
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
]
