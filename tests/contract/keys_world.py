"""The values for the cases of API keys: keys with few scopes, expiring keys, rotated keys."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.case_world import CaseWorld

CREATE = "AuthService.CreateApiKey"
ROTATE = "AuthService.RotateApiKey"


class KeysWorld(CaseWorld):
    """The part of `World` for API keys."""

    # Keys that cases call with.

    async def _key_with_few_scopes(self) -> str:
        scopes = ["models:read", "keys"]
        return str((await self.call(CREATE, {"name": "reads models and creates keys", "scopes": scopes}))["key"])

    async def _new_key_with_few_scopes_id(self) -> str:
        return str((await self.call(CREATE, {"name": "reads models", "scopes": ["models:read"]}))["api_key"]["id"])

    async def _key_valid_for_a_day(self) -> str:
        self._values["expiry_of_key_valid_for_a_day"] = await self.value("tomorrow")
        request = {"name": "for a day", "expires_at": self._values["expiry_of_key_valid_for_a_day"]}
        return str((await self.call(CREATE, request))["key"])

    async def _expiry_of_key_valid_for_a_day(self) -> str:
        await self.value("key_valid_for_a_day")
        return str(self._values["expiry_of_key_valid_for_a_day"])

    async def _expired_key(self) -> str:
        made = await self.call(CREATE, {"name": "expired"})
        await self.call(ROTATE, {"id": made["api_key"]["id"], "overlap_seconds": 0})
        return str(made["key"])

    async def _rotated_key(self) -> str:
        made = await self.call(CREATE, {"name": "rotated"})
        await self.call(ROTATE, {"id": made["api_key"]["id"]})
        return str(made["key"])

    async def _voter_session(self) -> str:
        return str((await self.call("AuthService.CreateVoter", {}, "nobody"))["session_token"])

    # Keys in requests, and fields of requests.

    async def _tomorrow(self) -> str:
        return (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _day_after_tomorrow(self) -> str:
        return (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _first_key_id(self) -> str:
        keys: list[dict[str, Any]] = (await self.call("AuthService.ListApiKeys", {"page_size": 100}))["api_keys"]
        return str(keys[-1]["id"])

    async def _rotated_key_id(self) -> str:
        made = await self.call(CREATE, {"name": "rotated"})
        await self.call(ROTATE, {"id": made["api_key"]["id"]})
        return str(made["api_key"]["id"])

    async def _used_registration_id(self) -> str:
        request_id = secrets.token_hex(16)
        request = {"name": "Ada", "email": await self.value("new_email", {}), "request_id": request_id}
        await self.call("AuthService.RegisterDeveloper", request, "nobody")
        return request_id

    async def _used_key_request_id(self) -> str:
        request_id = secrets.token_hex(8)
        made = await self.call(CREATE, {"name": "made once", "request_id": request_id})
        self._values["key_of_request_id"] = made["api_key"]["id"]
        return request_id
