"""The values that the cases name: developers, experiments, models, audio. Each is made when a case first needs it."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.runtime.audio_store import AudioLinks
from tests.contract.audit_world import AuditWorld
from tests.contract.cases import catalogue, experiments, planning
from tests.contract.clients import bearer
from tests.contract.evaluations_world import EvaluationsWorld
from tests.contract.keys_world import KeysWorld
from tests.contract.leaderboard_world import LeaderboardWorld
from tests.contract.lifecycle_world import LifecycleWorld
from tests.contract.listening_world import ListeningWorld
from tests.contract.rpcs import rpcs
from tests.contract.voting_world import VotingWorld
from tests.contract.webhook_world import EXCESS_CALLS, WebhookWorld
from tests.mesh import STAND_IN, register

MAX_KEYS = 100


class World(
    VotingWorld, AuditWorld, EvaluationsWorld, ListeningWorld, LifecycleWorld, WebhookWorld, KeysWorld, LeaderboardWorld
):
    """The values of all cases."""

    # Keys that cases call with.

    async def _unknown_key(self) -> str:
        from services.auth.domain import new_key

        return new_key()

    async def _revoked_key(self) -> str:
        made = await self.call("AuthService.CreateApiKey", {"name": "revoked"})
        await self.call("AuthService.RevokeApiKey", {"id": made["api_key"]["id"]})
        return str(made["key"])

    async def _developer_with_all_keys(self) -> str:
        holder = await register(self.mesh)
        create = rpcs()["AuthService.CreateApiKey"]
        calls = (
            self._client.call(create, {"name": f"key {n}"}, bearer(holder.api_key))
            for n in range(2, MAX_KEYS + EXCESS_CALLS + 1)
        )
        made = Counter(outcome.reason for outcome in await asyncio.gather(*calls))
        assert made == {"": MAX_KEYS - 1, "QUOTA_EXCEEDED": EXCESS_CALLS}
        return holder.api_key

    # Developers and keys.

    async def _new_email(self) -> str:
        return f"{secrets.token_hex(8)}@example.com"

    async def _registered_email(self) -> str:
        return self.developer.email

    async def _registered_email_in_capitals(self) -> str:
        return self.developer.email.upper()

    async def _developer_id(self) -> str:
        return self.developer.id

    async def _new_key_id(self) -> str:
        return str((await self.call("AuthService.CreateApiKey", {"name": "to be revoked"}))["api_key"]["id"])

    async def _revoked_key_id(self) -> str:
        made = await self.call("AuthService.CreateApiKey", {"name": "revoked"})
        revoked = await self.call("AuthService.RevokeApiKey", {"id": made["api_key"]["id"]})
        self._values["revoked_at"] = revoked["revoked_at"]
        return str(revoked["id"])

    async def _key_id_of_somebody_else(self) -> str:
        return str((await self.call("AuthService.ListApiKeys", {}, "somebody_else"))["api_keys"][0]["id"])

    # The catalogue.

    async def _new_version(self) -> str:
        return secrets.token_hex(8)

    async def _model(self, caller: str = "developer", **changes: object) -> dict[str, Any]:
        config = {"voice_id": "en-gb"}
        request = catalogue.model(name="Mine", version=secrets.token_hex(8), config=config, **changes)
        return await self.call(catalogue.CREATE, request, caller)

    async def _own_model(self) -> str:
        model = await self._model()
        self._values["own_model_version"] = model["version"]
        return str(model["id"])

    async def _own_model_version(self) -> str:
        await self.value("own_model")
        return str(self._values["own_model_version"])

    async def _new_model(self) -> str:
        return str((await self._model())["id"])

    async def _version_of_new_model(self, case_values: dict[str, Any]) -> str:
        return str((await self.call(catalogue.GET, {"id": case_values["new_model"]}))["version"])

    async def _model_of_somebody_else(self) -> str:
        return str((await self._model("somebody_else"))["id"])

    async def _installed_model(self) -> str:
        return str((await self.call(catalogue.LIST, {"provider": "espeak", "page_size": 1}))["models"][0]["id"])

    async def _models_page_token(self) -> str:
        return str((await self.call(catalogue.LIST, {"page_size": 1}))["next_page_token"])

    # One request_id that is used by a request of each kind.

    async def _used_request_id(self) -> str:
        request_id = secrets.token_hex(8)
        self._values["model_of_request_id"] = (await self._model(request_id=request_id))["id"]
        planned = await self.call(planning.CREATE, planning.experiment(request_id=request_id))
        self._values["experiment_of_request_id"] = planned["id"]
        return request_id

    # Experiments.

    async def _planned(self, caller: str = "developer", **changes: object) -> str:
        return str((await self.call(planning.CREATE, planning.experiment(**changes), caller))["id"])

    async def _new_experiment(self) -> str:
        return await self._planned()

    async def _created_experiment(self) -> str:
        return await self._planned()

    async def _experiment_of_somebody_else(self) -> str:
        return await self._planned("somebody_else")

    async def _cancelled_experiment(self) -> str:
        return str((await self.call(experiments.CANCEL, {"id": await self._planned()}))["id"])

    async def _completed_experiment(self) -> str:
        id_ = await self._planned()
        await self.call(experiments.RUN, {"id": id_})
        seen = await self.try_call(experiments.WATCH, {"id": id_})
        assert seen.messages[-1]["experiment"]["status"] == "completed"
        return id_

    async def _listened_experiment(self) -> str:
        id_ = await self._planned(profile="quality", prompts=[planning.LISTENED_PROMPT])
        await self.call(experiments.RUN, {"id": id_})
        seen = await self.try_call(experiments.WATCH, {"id": id_})
        assert seen.messages[-1]["experiment"]["status"] == "completed"
        return id_

    async def _listened_trial(self) -> str:
        listed = await self.call(experiments.TRIALS, {"id": await self.value("listened_experiment")})
        return str(listed["trials"][0]["id"])

    async def _experiment_with_a_failure(self) -> str:
        id_ = await self._planned(models=[{"provider": STAND_IN, "voice_id": voice} for voice in ("steady", "empty")])
        await self.call(experiments.RUN, {"id": id_})
        seen = await self.try_call(experiments.WATCH, {"id": id_})
        assert seen.messages[-1]["experiment"]["failed_trials"] == 1
        return id_

    async def _experiments_page_token(self) -> str:
        for name in ("created_experiment", "cancelled_experiment"):
            await self.value(name)
        return str((await self.call(experiments.LIST, {"page_size": 1}))["next_page_token"])

    async def _tampered_page_token(self) -> str:
        token = await self.value("experiments_page_token")
        return str(token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:])

    async def _trials_page_token(self) -> str:
        request = {"id": await self.value("completed_experiment"), "page_size": 1}
        return str((await self.call(experiments.TRIALS, request))["next_page_token"])

    # Speech and audio.

    async def _voices_page_token(self) -> str:
        page = await self.call("TtsService.ListVoices", {"provider": "espeak", "page_size": 2})
        return str(page["next_page_token"])

    async def _trials(self) -> list[dict[str, Any]]:
        request = {"id": await self.value("completed_experiment")}
        return list((await self.call(experiments.TRIALS, request))["trials"])

    async def _trial_id(self) -> str:
        return str((await self._trials())[0]["id"])

    async def _audio_name(self) -> str:
        return f"{await self.value('trial_id')}.wav"

    async def _other_audio_name(self) -> str:
        return f"{(await self._trials())[1]['id']}.wav"

    async def _audio_metadata_name(self) -> str:
        return f"{await self.value('trial_id')}.json"

    async def _link_expires(self) -> int:
        link = parse_qs(urlsplit((await self._trials())[0]["audio_url"]).query)
        self._values["link_signature"] = link["signature"][0]
        return int(link["expires"][0])

    async def _link_signature(self) -> str:
        await self.value("link_expires")
        return str(self._values["link_signature"])

    async def _expired_link_expires(self) -> int:
        links = AudioLinks(self.mesh.data_dir.secret("audio_url_secret"), self.mesh.api_url, ttl_seconds=-60)
        link = parse_qs(urlsplit(links.url(await self.value("audio_name"))).query)
        self._values["expired_link_signature"] = link["signature"][0]
        return int(link["expires"][0])
