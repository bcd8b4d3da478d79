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
    Case("the mesh reports the status of each service", "MeshService.GetStatus", {}, Ok({"services": STATUS})),
    Case("the status needs a key", "MeshService.GetStatus", {}, Fails("CREDENTIALS_MISSING"), caller="nobody"),
    Case(
        "a developer registers and receives a key",
        REGISTER,
        {"name": " Ada ", "email": Given("new_email")},
        Ok({"id": re.compile(r"dev_[0-9a-f]{32}"), "name": "Ada", "email": Given("new_email"), "api_key": API_KEY}),
        caller="nobody",
    ),
    Case(
        "a short request_id of a registration is refused",
        REGISTER,
        {"name": "Ada", "email": Given("new_email"), "request_id": "1"},
        Fails("INVALID_INPUT", fields=("request_id",), says="16 to 100"),
        caller="nobody",
    ),
    Case(
        "an email address that is registered is refused",
        REGISTER,
        {"name": "Ada", "email": Given("registered_email")},
        Fails("ALREADY_EXISTS", says="email"),
        caller="nobody",
    ),
    Case(
        "an email address that is registered is refused in capitals",
        REGISTER,
        {"name": "Ada", "email": Given("registered_email_in_capitals")},
        Fails("ALREADY_EXISTS"),
        caller="nobody",
    ),
    Case(
        "all invalid fields are named at once",
        REGISTER,
        {"name": "  ", "email": "ada at example.com"},
        Fails("INVALID_INPUT", fields=("name", "email")),
        caller="nobody",
    ),
    Case(
        "an empty registration is refused",
        REGISTER,
        {},
        Fails("INVALID_INPUT", fields=("name", "email")),
        caller="nobody",
    ),
    Case(
        "a name with NUL is refused",
        REGISTER,
        {"name": "A\0", "email": "a@example.com"},
        Fails("INVALID_INPUT", fields=("name",)),
        caller="nobody",
    ),
    Case(
        "a developer reads their own record",
        ME,
        {},
        Ok({"id": Given("developer_id"), "name": "Ada", "email": Given("registered_email"), "created_at": MOMENT}),
    ),
    Case(
        "anyone gets an anonymous voter session",
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
        "a voter session can't act as a developer",
        ME,
        {},
        Fails("PERMISSION_DENIED", says="can only listen and vote"),
        caller="voter session",
    ),
    Case(
        "a voter session gives no access to audio",
        "TtsService.GetAudio",
        {"name": Given("audio_name")},
        Fails("CREDENTIALS_MISSING"),
        caller="voter session",
    ),
    Case(
        "a call without a key is refused",
        ME,
        {},
        Fails("CREDENTIALS_MISSING", says="Authorization: Bearer"),
        caller="nobody",
    ),
    Case("a mangled key is refused", ME, {}, Fails("CREDENTIALS_INVALID", says="malformed"), caller="mangled key"),
    Case("an unknown key is refused", ME, {}, Fails("CREDENTIALS_INVALID", says="unknown"), caller="unknown key"),
    Case("a revoked key is refused", ME, {}, Fails("CREDENTIALS_INVALID", says="revoked"), caller="revoked key"),
    Case(
        "a key in basic authorization is refused",
        ME,
        {},
        Fails("CREDENTIALS_INVALID", says="Bearer KEY"),
        caller="basic authorization",
    ),
    Case(
        "a key is created",
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
        "a key is created with scopes and an expiry",
        CREATE,
        {"name": "ci", "scopes": ["speech", "models:read"], "expires_at": Given("tomorrow")},
        Ok({"api_key": {"scopes": ["models:read", "speech"], "expires_at": Given("tomorrow")}, "key": API_KEY}),
    ),
    Case(
        "a new key inherits the scopes of the calling key",
        CREATE,
        {"name": "ci"},
        Ok({"api_key": {"scopes": ["models:read", "keys"], "expires_at": ABSENT}}),
        caller="key with few scopes",
    ),
    Case(
        "a new key inherits the expiry of the calling key",
        CREATE,
        {"name": "ci"},
        Ok({"api_key": {"scopes": ALL_SCOPES, "expires_at": Given("expiry_of_key_valid_for_a_day")}}),
        caller="key valid for a day",
    ),
    Case(
        "a repeated request shows no key",
        CREATE,
        {"name": "made once", "request_id": Given("used_key_request_id")},
        Ok({"api_key": {"id": Given("key_of_request_id"), "name": "made once"}, "key": ""}),
    ),
    Case(
        "another key with the same request_id is refused",
        CREATE,
        {"name": "made once", "scopes": ["speech"], "request_id": Given("used_key_request_id")},
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    Case(
        "a rotation with the request_id of a creation is refused",
        ROTATE,
        {"id": Given("new_key_id"), "request_id": Given("used_key_request_id")},
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    Case(
        "a registration with the request_id of another is refused",
        REGISTER,
        {"name": "Ada", "email": Given("new_email"), "request_id": Given("used_registration_id")},
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
        caller="nobody",
    ),
    Case(
        "a new key can't have more scopes than the calling key",
        CREATE,
        {"name": "more scopes", "scopes": ["models:read", "webhooks"]},
        Fails("SCOPE_MISSING", says="an API key with the scope webhooks", metadata={"scope": "webhooks"}),
        caller="key with few scopes",
    ),
    Case(
        "a new key can't last longer than the calling key",
        CREATE,
        {"name": "longer", "expires_at": Given("day_after_tomorrow")},
        Fails("INVALID_INPUT", fields=("expires_at",), says="no later than 20"),
        caller="key valid for a day",
    ),
    Case(
        "all invalid fields of a key are named",
        CREATE,
        {"name": "", "scopes": ["speech", "all"], "expires_at": "2020-01-01T00:00:00Z", "request_id": "r" * 101},
        Fails(
            "INVALID_INPUT",
            fields=("name", "scopes[1]", "expires_at", "request_id"),
            says="experiments:read, experiments:write, models:read",
        ),
    ),
    Case("any key reads its own developer", ME, {}, Ok({"id": Given("developer_id")}), caller="key with few scopes"),
    Case(
        "a key with the scope can call the RPC",
        "EloService.ListVoiceModels",
        {"page_size": 1},
        Ok(),
        caller="key with few scopes",
    ),
    Case(
        "a key without the scope is refused",
        "ExperimentService.ListExperiments",
        {},
        Fails("SCOPE_MISSING", says="This needs an API key with the scope experiments:read"),
        caller="key with few scopes",
    ),
    Case(
        "a missing scope is reported before the request is validated",
        "EloService.CreateVoiceModel",
        {},
        Fails("SCOPE_MISSING", says="models:write", metadata={"scope": "models:write"}),
        caller="key with few scopes",
    ),
    Case(
        "a key without the scope can't open a stream",
        "ExperimentService.WatchExperiment",
        {"id": Given("created_experiment")},
        Fails("SCOPE_MISSING", says="experiments:read"),
        caller="key with few scopes",
    ),
    Case(
        "a key without the scope can't synthesize speech",
        "TtsService.SynthesizeSpeech",
        {"text": "Hello", "provider": "espeak"},
        Fails("SCOPE_MISSING", says="speech"),
        caller="key with few scopes",
    ),
    Case(
        "the refusal of an expired key names its replacement",
        ME,
        {},
        Fails("CREDENTIALS_INVALID", says="UTC; use key_"),
        caller="expired key",
    ),
    Case("a rotated key works during the overlap", ME, {}, Ok({"id": Given("developer_id")}), caller="rotated key"),
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
        "a rotated key can't be rotated again",
        ROTATE,
        {"id": Given("rotated_key_id")},
        Fails("WRONG_STATE", says="was rotated to key_"),
    ),
    Case(
        "a revoked key can't be rotated", ROTATE, {"id": Given("revoked_key_id")}, Fails("WRONG_STATE", says="revoked")
    ),
    Case(
        "a key can't rotate a key with more scopes",
        ROTATE,
        {"id": Given("first_key_id")},
        Fails("SCOPE_MISSING"),
        caller="key with few scopes",
    ),
    Case(
        "a key can't rotate a key that lasts longer",
        ROTATE,
        {"id": Given("first_key_id")},
        Fails("PERMISSION_DENIED", says="expires later"),
        caller="key valid for a day",
    ),
    Case(
        "an overlap above its limit is refused",
        ROTATE,
        {"id": Given("first_key_id"), "overlap_seconds": 2592001},
        Fails("INVALID_INPUT", fields=("overlap_seconds",), says="2592000"),
    ),
    Case("somebody else's key can't be rotated", ROTATE, {"id": Given("key_id_of_somebody_else")}, Fails("NOT_FOUND")),
    Case(
        "a malformed key id is refused by a rotation",
        ROTATE,
        {"id": "x"},
        Fails("INVALID_INPUT", fields=("id",), says="key_"),
    ),
    Case("a key without a name is refused", CREATE, {}, Fails("INVALID_INPUT", fields=("name",))),
    Case(
        "a key name above 100 characters is refused",
        CREATE,
        {"name": "k" * 101},
        Fails("INVALID_INPUT", fields=("name",), says="100"),
    ),
    Case(
        "a 101st key is refused",
        CREATE,
        {"name": "the 101st"},
        Fails("QUOTA_EXCEEDED", says="100", metadata={"limit": "100"}),
        caller="developer with all keys",
    ),
    Case(
        "keys are listed without the key itself",
        LIST,
        {"page_size": 1},
        Ok({"api_keys": [{"id": KEY_ID, "key": ABSENT, "key_hash": ABSENT}]}),
    ),
    Case(
        "a negative page_size of keys is refused",
        LIST,
        {"page_size": -1},
        Fails("INVALID_INPUT", fields=("page_size",)),
    ),
    Case(
        "a page token of another list is refused",
        LIST,
        {"page_token": Given("experiments_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",)),
    ),
    Case(
        "a key is revoked", REVOKE, {"id": Given("new_key_id")}, Ok({"id": Given("new_key_id"), "revoked_at": MOMENT})
    ),
    Case(
        "revoking a key again changes nothing",
        REVOKE,
        {"id": Given("revoked_key_id")},
        Ok({"id": Given("revoked_key_id"), "revoked_at": Given("revoked_at")}),
    ),
    Case(
        "a key can't revoke a key with more scopes",
        REVOKE,
        {"id": Given("new_key_id")},
        Fails("SCOPE_MISSING", says="experiments:read", metadata={"scope": "experiments:read"}),
        caller="key with few scopes",
    ),
    Case(
        "a key can revoke a key with no more scopes",
        REVOKE,
        {"id": Given("new_key_with_few_scopes_id")},
        Ok({"id": Given("new_key_with_few_scopes_id"), "revoked_at": MOMENT}),
        caller="key with few scopes",
    ),
    Case("somebody else's key is not found", REVOKE, {"id": Given("key_id_of_somebody_else")}, Fails("NOT_FOUND")),
    Case("an unknown key is not found", REVOKE, {"id": "key_" + "0" * 32}, Fails("NOT_FOUND")),
    Case(
        "a malformed key id is refused",
        REVOKE,
        {"id": "not-an-id"},
        Fails("INVALID_INPUT", fields=("id",), says="key_"),
    ),
]
