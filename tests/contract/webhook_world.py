"""The values for the cases of webhooks: endpoints, and experiments with deliveries."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from typing import Any

from tests.contract.case_world import CaseWorld
from tests.contract.cases import catalogue, evaluations, experiments, planning, webhooks
from tests.contract.outcome import Outcome
from tests.contract.rpcs import rpcs
from tests.mesh import STAND_IN, register

MAX_ENDPOINTS = 100
# Calls beyond the limit that are made at the same moment.
EXCESS_CALLS = 10
# Nothing listens there.
UNREACHABLE_URL = "http://127.0.0.1:1024"
DELIVERY_TIMEOUT_SECONDS = 30.0
POLL_INTERVAL_SECONDS = 0.05


class WebhookWorld(CaseWorld):
    """The part of `World` for webhooks."""

    # Endpoints.

    async def _new_webhook_url(self) -> str:
        return f"{UNREACHABLE_URL}/{secrets.token_hex(8)}"

    async def _new_international_url(self) -> str:
        return f"https://bücher.example/{secrets.token_hex(8)}"

    async def _endpoint(self, **changes: object) -> dict[str, Any]:
        made = await self.call(webhooks.CREATE, {"url": await self._new_webhook_url(), **changes})
        return dict(made["endpoint"])

    async def _own_endpoint(self) -> str:
        endpoint = await self._endpoint()
        # So that there is more than one page.
        await self._endpoint()
        self._values["own_endpoint_url"] = endpoint["url"]
        return str(endpoint["id"])

    async def _own_endpoint_url(self) -> str:
        await self.value("own_endpoint")
        return str(self._values["own_endpoint_url"])

    async def _new_endpoint(self) -> str:
        return str((await self._endpoint())["id"])

    async def _deleted_endpoint(self) -> str:
        id_ = await self._new_endpoint()
        await self.call(webhooks.DELETE, {"id": id_})
        return id_

    async def _used_webhook_request_id(self) -> str:
        request_id = secrets.token_hex(8)
        self._values["endpoint_of_request_id"] = (await self._endpoint(request_id=request_id))["id"]
        return request_id

    async def _developer_with_one_endpoint(self) -> str:
        key = (await register(self.mesh)).api_key
        made = await self._create(key)
        self._values["only_endpoint"] = made.answer["endpoint"]["id"]
        return key

    async def _only_endpoint(self) -> str:
        await self.value("developer_with_one_endpoint")
        return str(self._values["only_endpoint"])

    async def _developer_with_all_endpoints(self) -> str:
        key = (await register(self.mesh)).api_key
        made = await asyncio.gather(*(self._create(key) for _ in range(MAX_ENDPOINTS + EXCESS_CALLS)))
        assert Counter(outcome.reason for outcome in made) == {"": MAX_ENDPOINTS, "QUOTA_EXCEEDED": EXCESS_CALLS}
        return key

    async def _create(self, key: str) -> Outcome:
        request = {"url": await self._new_webhook_url()}
        outcome: Outcome = await self._client.call(rpcs()[webhooks.CREATE], request, {"authorization": f"Bearer {key}"})
        return outcome

    # Deliveries.

    async def _notified(self) -> tuple[str, dict[str, Any]]:
        """Returns a cancelled experiment, and its delivery after the first attempt has failed."""
        plan = planning.experiment(webhook_url=await self._new_webhook_url())
        id_ = str((await self.call(planning.CREATE, plan))["id"])
        await self.call(experiments.CANCEL, {"id": id_})
        async with asyncio.timeout(DELIVERY_TIMEOUT_SECONDS):
            while True:
                (delivery,) = (await self.call(webhooks.DELIVERIES, {"experiment_id": id_}))["deliveries"]
                if delivery["attempts"]:
                    return id_, delivery
                await asyncio.sleep(POLL_INTERVAL_SECONDS)

    async def _notified_experiment(self) -> str:
        id_, delivery = await self._notified()
        self._values["delivery_of_notified_experiment"] = delivery["id"]
        return id_

    async def _delivery_of_notified_experiment(self) -> str:
        await self.value("notified_experiment")
        return str(self._values["delivery_of_notified_experiment"])

    async def _new_notified_experiment(self) -> str:
        id_, delivery = await self._notified()
        self._values["last_delivery"] = delivery["id"]
        return id_

    async def _new_delivery(self) -> str:
        """The delivery of `new_notified_experiment`, which must be made first."""
        return str(self._values["last_delivery"])

    async def _experiment_with_deleted_endpoint(self) -> str:
        """An experiment whose endpoint was deleted before its delivery succeeded."""
        id_, delivery = await self._notified()
        await self.call(webhooks.DELETE, {"id": delivery["endpoint_id"]})
        self._values["delivery_to_deleted_endpoint"] = delivery["id"]
        return id_

    async def _delivery_to_deleted_endpoint(self) -> str:
        await self.value("experiment_with_deleted_endpoint")
        return str(self._values["delivery_to_deleted_endpoint"])

    async def _notified_of_evaluation(self) -> tuple[str, str]:
        """Returns an evaluation and the id of its delivery, after the first attempt has failed."""
        request = await self.resolve(evaluations.evaluation(webhook_url=await self._new_webhook_url()), {})
        id_ = str((await self.call(evaluations.CREATE, request))["id"])
        async with asyncio.timeout(DELIVERY_TIMEOUT_SECONDS):
            while True:
                found = (await self.call(webhooks.OF_EVALUATION, {"evaluation_id": id_}))["deliveries"]
                if found and found[0]["attempts"]:
                    return id_, str(found[0]["id"])
                await asyncio.sleep(POLL_INTERVAL_SECONDS)

    async def _notified_evaluation(self) -> str:
        id_, self._values["delivery_of_notified_evaluation"] = await self._notified_of_evaluation()
        return id_

    async def _delivery_of_notified_evaluation(self) -> str:
        await self.value("notified_evaluation")
        return str(self._values["delivery_of_notified_evaluation"])

    async def _new_notified_evaluation(self) -> str:
        id_, self._values["last_delivery_of_evaluation"] = await self._notified_of_evaluation()
        return id_

    async def _last_delivery_of_evaluation(self) -> str:
        """The delivery of `new_notified_evaluation`, which must be made first."""
        return str(self._values["last_delivery_of_evaluation"])

    async def _notified_of_battle(self) -> tuple[str, str]:
        """Returns a void battle and the id of its delivery, after the first attempt has failed."""
        models = []
        for voice in ("empty", "html"):
            config = {"voice_id": voice}
            request = {"name": voice, "provider": STAND_IN, "version": secrets.token_hex(8), "config": config}
            models.append((await self.call(catalogue.CREATE, request))["id"])
        scenario = {"name": "A receipt", "category": "webhooks", "ground_truth_transcript": "It is on its way."}
        scenario_id = (await self.call(webhooks.CREATE_SCENARIO, {**scenario, "visibility": "private"}))["id"]
        battle = {"model_a_id": models[0], "model_b_id": models[1], "scenario_id": scenario_id}
        url = await self._new_webhook_url()
        id_ = str((await self.call(webhooks.CREATE_BATTLE, {**battle, "webhook_url": url}))["id"])
        async with asyncio.timeout(DELIVERY_TIMEOUT_SECONDS):
            while True:
                found = (await self.call(webhooks.OF_BATTLE, {"battle_id": id_}))["deliveries"]
                if found and found[0]["attempts"]:
                    return id_, str(found[0]["id"])
                await asyncio.sleep(POLL_INTERVAL_SECONDS)

    async def _notified_battle(self) -> str:
        id_, self._values["delivery_of_notified_battle"] = await self._notified_of_battle()
        return id_

    async def _delivery_of_notified_battle(self) -> str:
        await self.value("notified_battle")
        return str(self._values["delivery_of_notified_battle"])

    async def _new_notified_battle(self) -> str:
        id_, self._values["last_delivery_of_battle"] = await self._notified_of_battle()
        return id_

    async def _last_delivery_of_battle(self) -> str:
        """The delivery of `new_notified_battle`, which must be made first."""
        return str(self._values["last_delivery_of_battle"])
