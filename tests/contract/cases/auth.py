"""Developers and their API keys."""

import re

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

CASES = [
    Case("the mesh is healthy", "MeshService.GetHealth", {}, Ok({"status": "ok"}), caller="nobody"),
    Case(
        "a developer registers and is shown a key",
        REGISTER,
        {"name": " Ada ", "email": Given("new_email")},
        Ok({"id": re.compile(r"dev_[0-9a-f]{32}"), "name": "Ada", "email": Given("new_email"), "api_key": API_KEY}),
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
                },
                "key": API_KEY,
            }
        ),
    ),
    Case("a key needs a name", CREATE, {}, Fails("INVALID_INPUT", fields=("name",))),
    Case("a key's name has an end", CREATE, {"name": "k" * 101}, Fails("INVALID_INPUT", fields=("name",), says="100")),
    Case(
        "no more keys than there may be",
        CREATE,
        {"name": "the 101st"},
        Fails("WRONG_STATE", says="100"),
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
    Case("somebody else's key", REVOKE, {"id": Given("others_key_id")}, Fails("NOT_FOUND")),
    Case("a key that is not there", REVOKE, {"id": "key_" + "0" * 32}, Fails("NOT_FOUND")),
    Case("an id of no key", REVOKE, {"id": "not-an-id"}, Fails("INVALID_INPUT", fields=("id",), says="key_")),
]
