"""Developers and their API keys."""

import re

from services.runtime.identity import SCOPES
from services.runtime.mesh import SERVICES
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.matching import ABSENT

API_KEY = re.compile(r"kc_[0-9A-Za-z]{49}")
KEY_ID = re.compile(r"key_[0-9a-f]{32}")
MOMENT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

REGISTER = "AuthService.RegisterDeveloper"
ME = "AuthService.GetCurrentDeveloper"
CREATE = "AuthService.CreateApiKey"
LIST = "AuthService.ListApiKeys"
REVOKE = "AuthService.RevokeApiKey"
ROTATE = "AuthService.RotateApiKey"
ALL_SCOPES = list(SCOPES)
STATUS = [
    {
        "name": name,
        "serving": True,
        "processes": [
            {
                "serving": True,
                "faults": [],
                "version": re.compile(r"\d+\.\d+\.\d+"),
                "uptime_seconds": lambda seconds: seconds > 0,
                "outbox_age_seconds": ABSENT if name == "tts" else lambda seconds: 0 <= seconds < 15,
            }
        ],
    }
    for name in SERVICES
]

CASES = [
    Case("the mesh is healthy", "MeshService.GetHealth", {}, Ok({"status": "ok"}), caller="nobody"),
    Case("the mesh tells how each service does", "MeshService.GetStatus", {}, Ok({"services": STATUS})),
    Case("the status is for who has a key", "MeshService.GetStatus", {}, Fails("CREDENTIALS_MISSING"), caller="nobody"),
    Case(
        "a developer registers and is shown a key",
        REGISTER,
        {"name": " Ada ", "email": Given("new_email")},
        Ok({"id": re.compile(r"dev_[0-9a-f]{32}"), "name": "Ada", "email": Given("new_email"), "api_key": API_KEY}),
        caller="nobody",
    ),
    Case(
        "a registration that can be repeated has an id that can't be guessed",
        REGISTER,
        {"name": "Ada", "email": Given("new_email"), "request_id": "1"},
        Fails("INVALID_INPUT", fields=("request_id",), says="16 to 100"),
        caller="nobody",
    ),
    Case(
        "an address is registered once",
        REGISTER,
        {"name": "Ada", "email": Given("registered_email")},
        Fails("ALREADY_EXISTS", says="email"),
        caller="nobody",
    ),
    Case(
        "an address is the same in capitals",
        REGISTER,
        {"name": "Ada", "email": Given("registered_email_in_capitals")},
        Fails("ALREADY_EXISTS"),
        caller="nobody",
    ),
    Case(
        "every bad field is named at once",
        REGISTER,
        {"name": "  ", "email": "ada at example.com"},
        Fails("INVALID_INPUT", fields=("name", "email")),
        caller="nobody",
    ),
    Case("nothing is asked of nobody", REGISTER, {}, Fails("INVALID_INPUT", fields=("name", "email")), caller="nobody"),
    Case(
        "a name has no NUL",
        REGISTER,
        {"name": "A\0", "email": "a@example.com"},
        Fails("INVALID_INPUT", fields=("name",)),
        caller="nobody",
    ),
    Case(
        "a developer sees who they are",
        ME,
        {},
        Ok({"id": Given("developer_id"), "name": "Ada", "email": Given("registered_email"), "created_at": MOMENT}),
    ),
    Case(
        "anybody gets a session to listen and vote with",
        "AuthService.CreateVoter",
        {},
        Ok(
            {
                "id": re.compile(r"usr_[0-9a-f]{32}"),
                "session_token": re.compile(r"vt_[\w-]{64}"),
                "expires_at": MOMENT,
            }
        ),
        caller="nobody",
    ),
    Case(
        "a voter is no developer",
        ME,
        {},
        Fails("PERMISSION_DENIED", says="may only listen and vote"),
        caller="voter session",
    ),
    Case(
        "a voter's session is no key to audio",
        "TtsService.GetAudio",
        {"name": Given("audio_name")},
        Fails("CREDENTIALS_MISSING"),
        caller="voter session",
    ),
    Case("a call without a key", ME, {}, Fails("CREDENTIALS_MISSING", says="Authorization: Bearer"), caller="nobody"),
    Case("a mangled key", ME, {}, Fails("CREDENTIALS_INVALID", says="mangled"), caller="mangled key"),
    Case("a key that was never issued", ME, {}, Fails("CREDENTIALS_INVALID", says="unknown"), caller="unknown key"),
    Case("a revoked key", ME, {}, Fails("CREDENTIALS_INVALID", says="revoked"), caller="revoked key"),
    Case("a key as a password", ME, {}, Fails("CREDENTIALS_INVALID", says="Bearer KEY"), caller="basic authorization"),
    Case(
        "one more key",
        CREATE,
        {"name": "laptop"},
        Ok(
            {
                "api_key": {
                    "id": KEY_ID,
                    "name": "laptop",
                    "prefix": re.compile(r"kc_\w{8}"),
                    "created_at": MOMENT,
                    "revoked_at": ABSENT,
                    "scopes": ALL_SCOPES,
                    "expires_at": ABSENT,
                    "last_used_at": ABSENT,
                    "replaced_by": "",
                },
                "key": API_KEY,
            }
        ),
    ),
    Case(
        "a key that may little and not for long",
        CREATE,
        {"name": "ci", "scopes": ["speech", "models:read"], "expires_at": Given("tomorrow")},
        Ok({"api_key": {"scopes": ["models:read", "speech"], "expires_at": Given("tomorrow")}, "key": API_KEY}),
    ),
    Case(
        "a key is as the one that it is made with",
        CREATE,
        {"name": "ci"},
        Ok({"api_key": {"scopes": ["models:read", "keys"], "expires_at": ABSENT}}),
        caller="key of few scopes",
    ),
    Case(
        "a key lasts as the one that it is made with",
        CREATE,
        {"name": "ci"},
        Ok({"api_key": {"scopes": ALL_SCOPES, "expires_at": Given("end_of_key_of_a_day")}}),
        caller="key of a day",
    ),
    Case(
        "the same request again shows no key",
        CREATE,
        {"name": "made once", "request_id": Given("used_key_request_id")},
        Ok({"api_key": {"id": Given("key_of_request_id"), "name": "made once"}, "key": ""}),
    ),
    Case(
        "another key with the same request id",
        CREATE,
        {"name": "made once", "scopes": ["speech"], "request_id": Given("used_key_request_id")},
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    Case(
        "a rotation with the request id of a creation",
        ROTATE,
        {"id": Given("new_key_id"), "request_id": Given("used_key_request_id")},
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    Case(
        "a registration with the request id of another",
        REGISTER,
        {"name": "Ada", "email": Given("new_email"), "request_id": Given("used_registration_id")},
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
        caller="nobody",
    ),
    Case(
        "no key makes one that may more",
        CREATE,
        {"name": "mightier", "scopes": ["models:read", "webhooks"]},
        Fails("SCOPE_MISSING", says="an API key with the scope webhooks", metadata={"scope": "webhooks"}),
        caller="key of few scopes",
    ),
    Case(
        "no key makes one that lasts longer",
        CREATE,
        {"name": "longer", "expires_at": Given("day_after_tomorrow")},
        Fails("INVALID_INPUT", fields=("expires_at",), says="no later than 20"),
        caller="key of a day",
    ),
    Case(
        "every bad field of a key is named",
        CREATE,
        {"name": "", "scopes": ["speech", "all"], "expires_at": "2020-01-01T00:00:00Z", "request_id": "r" * 101},
        Fails(
            "INVALID_INPUT",
            fields=("name", "scopes[1]", "expires_at", "request_id"),
            says="experiments:read, experiments:write, models:read",
        ),
    ),
    Case("whoever has a key sees who they are", ME, {}, Ok({"id": Given("developer_id")}), caller="key of few scopes"),
    Case(
        "a key may what it holds",
        "EloService.ListVoiceModels",
        {"page_size": 1},
        Ok(),
        caller="key of few scopes",
    ),
    Case(
        "a key of another scope",
        "ExperimentService.ListExperiments",
        {},
        Fails("SCOPE_MISSING", says="this takes an API key with the scope experiments:read"),
        caller="key of few scopes",
    ),
    Case(
        "a key of another scope is told so before what it asks for is looked at",
        "EloService.CreateVoiceModel",
        {},
        Fails("SCOPE_MISSING", says="models:write", metadata={"scope": "models:write"}),
        caller="key of few scopes",
    ),
    Case(
        "a key of another scope, and a stream",
        "ExperimentService.WatchExperiment",
        {"id": Given("created_experiment")},
        Fails("SCOPE_MISSING", says="experiments:read"),
        caller="key of few scopes",
    ),
    Case(
        "a key of another scope, and audio",
        "TtsService.SynthesizeSpeech",
        {"text": "Hello", "provider": "espeak"},
        Fails("SCOPE_MISSING", says="speech"),
        caller="key of few scopes",
    ),
    Case(
        "an expired key says which took its place",
        ME,
        {},
        Fails("CREDENTIALS_INVALID", says="UTC; use key_"),
        caller="expired key",
    ),
    Case("a rotated key goes on for a while", ME, {}, Ok({"id": Given("developer_id")}), caller="rotated key"),
    Case(
        "a key is rotated",
        ROTATE,
        {"id": Given("new_key_id"), "overlap_seconds": 60},
        Ok(
            {
                "api_key": {"id": KEY_ID, "name": "to be revoked", "scopes": ALL_SCOPES, "expires_at": ABSENT},
                "key": API_KEY,
            }
        ),
    ),
    Case(
        "a key is rotated once",
        ROTATE,
        {"id": Given("rotated_key_id")},
        Fails("WRONG_STATE", says="was rotated to key_"),
    ),
    Case("a revoked key is not rotated", ROTATE, {"id": Given("revoked_key_id")}, Fails("WRONG_STATE", says="revoked")),
    Case(
        "a key rotates none that may more",
        ROTATE,
        {"id": Given("first_key_id")},
        Fails("SCOPE_MISSING"),
        caller="key of few scopes",
    ),
    Case(
        "a key rotates none that lasts longer",
        ROTATE,
        {"id": Given("first_key_id")},
        Fails("PERMISSION_DENIED", says="works longer"),
        caller="key of a day",
    ),
    Case(
        "an overlap has an end",
        ROTATE,
        {"id": Given("first_key_id"), "overlap_seconds": 2592001},
        Fails("INVALID_INPUT", fields=("overlap_seconds",), says="2592000"),
    ),
    Case("somebody else's key is not rotated", ROTATE, {"id": Given("others_key_id")}, Fails("NOT_FOUND")),
    Case("an id of no key to rotate", ROTATE, {"id": "x"}, Fails("INVALID_INPUT", fields=("id",), says="key_")),
    Case("a key needs a name", CREATE, {}, Fails("INVALID_INPUT", fields=("name",))),
    Case("a key's name has an end", CREATE, {"name": "k" * 101}, Fails("INVALID_INPUT", fields=("name",), says="100")),
    Case(
        "no more keys than there may be",
        CREATE,
        {"name": "the 101st"},
        Fails("QUOTA_EXCEEDED", says="100", metadata={"limit": "100"}),
        caller="who holds all keys",
    ),
    Case(
        "keys are listed without themselves",
        LIST,
        {"page_size": 1},
        Ok({"api_keys": [{"id": KEY_ID, "key": ABSENT, "key_hash": ABSENT}]}),
    ),
    Case("a page of keys has no negative size", LIST, {"page_size": -1}, Fails("INVALID_INPUT", fields=("page_size",))),
    Case(
        "a page token of another list",
        LIST,
        {"page_token": Given("experiments_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",)),
    ),
    Case(
        "a key is revoked", REVOKE, {"id": Given("new_key_id")}, Ok({"id": Given("new_key_id"), "revoked_at": MOMENT})
    ),
    Case(
        "revoking again changes nothing",
        REVOKE,
        {"id": Given("revoked_key_id")},
        Ok({"id": Given("revoked_key_id"), "revoked_at": Given("revoked_at")}),
    ),
    Case(
        "a key that may little revokes none that may more",
        REVOKE,
        {"id": Given("new_key_id")},
        Fails("SCOPE_MISSING", says="experiments:read", metadata={"scope": "experiments:read"}),
        caller="key of few scopes",
    ),
    Case(
        "a key that may little revokes one that may no more",
        REVOKE,
        {"id": Given("new_key_of_few_scopes_id")},
        Ok({"id": Given("new_key_of_few_scopes_id"), "revoked_at": MOMENT}),
        caller="key of few scopes",
    ),
    Case("somebody else's key", REVOKE, {"id": Given("others_key_id")}, Fails("NOT_FOUND")),
    Case("a key that is not there", REVOKE, {"id": "key_" + "0" * 32}, Fails("NOT_FOUND")),
    Case("an id of no key", REVOKE, {"id": "not-an-id"}, Fails("INVALID_INPUT", fields=("id",), says="key_")),
]
