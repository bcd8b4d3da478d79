"""The values for the cases of evaluations of recordings."""

from __future__ import annotations

import secrets
from typing import Any

from tests.contract.case_world import CaseWorld
from tests.contract.cases import evaluations


class EvaluationsWorld(CaseWorld):
    """The part of `World` for evaluations of recordings."""

    async def _evaluation(self, **changes: Any) -> str:
        request = await self.resolve(evaluations.evaluation(**changes), {})
        return str((await self.call(evaluations.CREATE, request))["id"])

    async def _new_evaluation(self) -> str:
        return await self._evaluation()

    async def _new_slow_evaluation(self) -> str:
        return await self._evaluation(steps=[])

    async def _completed_evaluation(self) -> str:
        id_ = await self._evaluation(conditions=["telephone"])
        seen = await self.try_call(evaluations.WATCH, {"id": id_})
        assert seen.messages[-1]["evaluation"]["status"] == "completed"
        return id_

    async def _new_completed_evaluation(self) -> str:
        return await self._completed_evaluation()

    async def _cancelled_evaluation(self) -> str:
        id_ = await self._new_slow_evaluation()
        return str((await self.call(evaluations.CANCEL, {"id": id_}))["id"])

    async def _status_of_cancelled_evaluation(self) -> str:
        await self.value("cancelled_evaluation")
        return "cancelled"

    async def _request_id_of_evaluation(self) -> str:
        request_id = secrets.token_hex(8)
        self._values["evaluation_of_request_id"] = await self._evaluation(request_id=request_id)
        return request_id

    async def _evaluation_of_request_id(self) -> str:
        await self.value("request_id_of_evaluation")
        return str(self._values["evaluation_of_request_id"])

    async def _model_of_evaluations(self) -> str:
        model = str(await self.value("own_model"))
        self._values["older_evaluation_of_model"] = await self._evaluation(model_id=model)
        await self._evaluation(model_id=model)
        return model

    async def _older_evaluation_of_model(self) -> str:
        await self.value("model_of_evaluations")
        return str(self._values["older_evaluation_of_model"])

    async def _evaluations_page_token(self) -> str:
        request = {"model_id": await self.value("model_of_evaluations"), "page_size": 1}
        return str((await self.call(evaluations.LIST, request))["next_page_token"])
