"""What every part of the world of the cases builds on: two developers, calls, and what is kept by name."""

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
    """Makes what a name stands for by its method of that name, `_own_key` for `own_key`, and keeps it.

    Makers that leave something beside what they return note it in `_kept`.
    """

    def __init__(self, mesh: Mesh, client: Client, developer: Developer, somebody_else: Developer) -> None:
        self.mesh = mesh
        self.developer = developer
        self.somebody_else = somebody_else
        self._client = client
        self._kept: dict[str, Any] = {}

    @classmethod
    async def create(cls, mesh: Mesh, client: Client) -> Self:
        """Registers the two developers."""
        return cls(mesh, client, await register(mesh), await register(mesh, "Bob"))

    async def resolve(self, expression: Any, of_this_case: dict[str, Any]) -> Any:
        """Returns an expression with what its names stand for."""
        if isinstance(expression, Given):
            return await self.value(expression.name, of_this_case)
        if isinstance(expression, Mapping):
            return {name: await self.resolve(each, of_this_case) for name, each in expression.items()}
        if isinstance(expression, list):
            return [await self.resolve(each, of_this_case) for each in expression]
        return expression

    async def value(self, name: str, of_this_case: dict[str, Any] | None = None) -> Any:
        """Returns what a name stands for."""
        kept = of_this_case if of_this_case is not None and "new" in name else self._kept
        if name not in kept:
            make: Callable[..., Awaitable[Any]] = getattr(self, f"_{name}")
            kept[name] = await (make(of_this_case) if name == "version_of_new_model" else make())
        return kept[name]

    async def headers(self, caller: str) -> dict[str, str]:
        """Returns the headers with which somebody calls."""
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
        """Makes a call that has to be answered."""
        return (await self.try_call(rpc, request, caller)).answer

    async def try_call(self, rpc: str, request: Mapping[str, Any], caller: str = "developer") -> Outcome:
        """Makes a call whatever comes of it."""
        return await self._client.call(rpcs()[rpc], request, await self.headers(caller))
