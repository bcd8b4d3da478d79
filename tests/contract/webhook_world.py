"""What the cases of webhooks find in the mesh: endpoints, and experiments that have told theirs."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from typing import Any

from tests.contract.case_world import CaseWorld
from tests.contract.cases import experiments, planning, webhooks
from tests.contract.outcome import Outcome
from tests.contract.rpcs import rpcs
from tests.mesh import register

MAX_ENDPOINTS = 100
# Asked for at the same moment beyond them.
AT_ONCE_TOO_MANY = 10
# Nobody listens there.
DEAD_END = "http://127.0.0.1:1024"
TOLD_SECONDS = 30.0
LOOK_SECONDS = 0.05


class WebhookWorld(CaseWorld):
    """What `World` has for webhooks."""

    # Endpoints.

    async def _new_webhook_url(self) -> str:
        return f"{DEAD_END}/{secrets.token_hex(8)}"

    async def _new_international_url(self) -> str:
        return f"https://bücher.example/{secrets.token_hex(8)}"

    async def _endpoint(self, **changes: object) -> dict[str, Any]:
        made = await self.call(webhooks.CREATE, {"url": await self._new_webhook_url(), **changes})
        return dict(made["endpoint"])

    async def _own_endpoint(self) -> str:
        endpoint = await self._endpoint()
        # So that there is more than one page.
        await self._endpoint()
        self._kept["own_endpoint_url"] = endpoint["url"]
        return str(endpoint["id"])

    async def _own_endpoint_url(self) -> str:
        await self.value("own_endpoint")
        return str(self._kept["own_endpoint_url"])

    async def _new_endpoint(self) -> str:
        return str((await self._endpoint())["id"])

    async def _deleted_endpoint(self) -> str:
        id_ = await self._new_endpoint()
        await self.call(webhooks.DELETE, {"id": id_})
        return id_

    async def _used_webhook_request_id(self) -> str:
        request_id = secrets.token_hex(8)
        self._kept["endpoint_of_request_id"] = (await self._endpoint(request_id=request_id))["id"]
        return request_id

    async def _who_has_one_endpoint(self) -> str:
        key = (await register(self.mesh)).api_key
        made = await self._create(key)
        self._kept["only_endpoint"] = made.answer["endpoint"]["id"]
        return key

    async def _only_endpoint(self) -> str:
        await self.value("who_has_one_endpoint")
        return str(self._kept["only_endpoint"])

    async def _who_holds_all_endpoints(self) -> str:
        key = (await register(self.mesh)).api_key
        made = await asyncio.gather(*(self._create(key) for _ in range(MAX_ENDPOINTS + AT_ONCE_TOO_MANY)))
        assert Counter(outcome.reason for outcome in made) == {"": MAX_ENDPOINTS, "QUOTA_EXCEEDED": AT_ONCE_TOO_MANY}
        return key

    async def _create(self, key: str) -> Outcome:
        request = {"url": await self._new_webhook_url()}
        outcome: Outcome = await self._client.call(rpcs()[webhooks.CREATE], request, {"authorization": f"Bearer {key}"})
        return outcome

    # Deliveries.

    async def _told(self) -> tuple[str, dict[str, Any]]:
        """Returns an experiment that was cancelled, and its delivery after the first attempt has failed."""
        plan = planning.experiment(webhook_url=await self._new_webhook_url())
        id_ = str((await self.call(planning.CREATE, plan))["id"])
        await self.call(experiments.CANCEL, {"id": id_})
        async with asyncio.timeout(TOLD_SECONDS):
            while True:
                (delivery,) = (await self.call(webhooks.DELIVERIES, {"experiment_id": id_}))["deliveries"]
                if delivery["attempts"]:
                    return id_, delivery
                await asyncio.sleep(LOOK_SECONDS)

    async def _told_experiment(self) -> str:
        id_, delivery = await self._told()
        self._kept["its_delivery"] = delivery["id"]
        return id_

    async def _its_delivery(self) -> str:
        await self.value("told_experiment")
        return str(self._kept["its_delivery"])

    async def _new_told_experiment(self) -> str:
        id_, delivery = await self._told()
        self._kept["last_told_delivery"] = delivery["id"]
        return id_

    async def _newly_told_delivery(self) -> str:
        """Of `new_told_experiment`, which is made first."""
        return str(self._kept["last_told_delivery"])

    async def _forgotten_experiment(self) -> str:
        """One whose endpoint was deleted before it could be told."""
        id_, delivery = await self._told()
        await self.call(webhooks.DELETE, {"id": delivery["endpoint_id"]})
        self._kept["forgotten_delivery"] = delivery["id"]
        return id_

    async def _forgotten_delivery(self) -> str:
        await self.value("forgotten_experiment")
        return str(self._kept["forgotten_delivery"])
