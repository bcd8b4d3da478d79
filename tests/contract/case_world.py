"""The base of the world of the cases: two developers, calls, and values by name."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from deploy.local.mesh import Mesh
from tests.contract.cases.case import Given
from tests.contract.clients import Client, bearer
from tests.contract.outcome import Outcome
from tests.contract.rpcs import rpcs
from tests.mesh import Developer, register


class CaseWorld:
    """Makes the values that `Given` names, each once: `_own_key` makes the value of `own_key`.

    A method that makes further values stores them in `_values`.
    """

    def __init__(self, mesh: Mesh, client: Client, developer: Developer, somebody_else: Developer) -> None:
        self.mesh = mesh
        self.developer = developer
        self.somebody_else = somebody_else
        self._client = client
        self._values: dict[str, Any] = {}

    @classmethod
    async def create(cls, mesh: Mesh, client: Client) -> Self:
        """Registers the two developers."""
        return cls(mesh, client, await register(mesh), await register(mesh, "Bob"))

    async def resolve(self, expression: Any, case_values: dict[str, Any]) -> Any:
        """Returns an expression with each `Given` replaced by its value."""
        if isinstance(expression, Given):
            return await self.value(expression.name, case_values)
        if isinstance(expression, Mapping):
            return {name: await self.resolve(each, case_values) for name, each in expression.items()}
        if isinstance(expression, list):
            return [await self.resolve(each, case_values) for each in expression]
        return expression

    async def value(self, name: str, case_values: dict[str, Any] | None = None) -> Any:
        """Returns the value of a name. A name with `new` has its own value in each case, stored in `case_values`."""
        kept = case_values if case_values is not None and "new" in name else self._values
        if name not in kept:
            make: Callable[..., Awaitable[Any]] = getattr(self, f"_{name}")
            kept[name] = await (make(case_values) if name == "version_of_new_model" else make())
        return kept[name]

    async def headers(self, caller: str) -> dict[str, str]:
        """Returns the headers of a caller."""
        key = self.developer.api_key
        match caller:
            case "nobody":
                return {}
            case "developer":
                return bearer(key)
            case "somebody_else":
                return bearer(self.somebody_else.api_key)
            case "mangled key":
                return bearer(key[:-1] + ("0" if key[-1] != "0" else "1"))
            case "basic authorization":
                return {"authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
        return bearer(await self.value(caller.replace(" ", "_")))

    async def call(self, rpc: str, request: Mapping[str, Any], caller: str = "developer") -> dict[str, Any]:
        """Makes a call that must succeed, and returns its message."""
        return (await self.try_call(rpc, request, caller)).answer

    async def try_call(self, rpc: str, request: Mapping[str, Any], caller: str = "developer") -> Outcome:
        """Makes a call that may fail."""
        return await self._client.call(rpcs()[rpc], request, await self.headers(caller))
