"""The values for the cases of retrying, cloning and deleting experiments."""

from __future__ import annotations

import secrets

from tests.contract.case_world import CaseWorld
from tests.contract.cases import lifecycle, planning


class LifecycleWorld(CaseWorld):
    """The part of `World` for retrying, cloning and deleting."""

    async def _completed_experiment(self) -> str:
        raise NotImplementedError

    async def _experiment_with_a_failure(self) -> str:
        raise NotImplementedError

    async def _new_completed_experiment(self) -> str:
        return await self._completed_experiment()

    async def _new_experiment_with_a_failure(self) -> str:
        return await self._experiment_with_a_failure()

    async def _deleted_experiment(self) -> str:
        return str((await self.call(lifecycle.DELETE, {"id": await self._completed_experiment()}))["id"])

    async def _cloned_experiment(self) -> str:
        changes = {
            "name": "With weights",
            "weights": [{"metric": "ttfb", "weight": 1}],
            "webhook_url": "https://example.com/hook",
            "repeats": 3,
        }
        original = (await self.call(planning.CREATE, planning.experiment()))["id"]
        return str((await self.call(lifecycle.CLONE, {"id": original, **changes}))["id"])

    async def _used_clone_request_id(self) -> str:
        request_id = secrets.token_hex(8)
        request = {"id": await self.value("completed_experiment"), "request_id": request_id}
        self._values["experiment_of_clone_request_id"] = (await self.call(lifecycle.CLONE, request))["id"]
        return request_id
