"""The values for the cases of models and scenarios of the arena."""

from __future__ import annotations

import secrets
from typing import Any, LiteralString

from psycopg import AsyncConnection

from tests.contract.case_world import CaseWorld
from tests.contract.cases import battles, catalogue, scenarios
from tests.mesh import operator_key


class ArenaWorld(CaseWorld):
    """The part of `World` for models and scenarios of the arena."""

    async def execute(self, statement: LiteralString, *values: object) -> bool:
        """Makes a change that no API request can make. Returns whether it changed a row."""
        async with await AsyncConnection.connect(self.mesh.database_url, autocommit=True) as connection:
            return (await connection.execute(statement, values)).rowcount > 0

    async def _operator_key(self) -> str:
        return await operator_key(self.mesh)

    # Models.

    async def _recorded(self, caller: str = "developer", **changes: object) -> str:
        request = catalogue.recorded(version=secrets.token_hex(8), **changes)
        return str((await self.call(catalogue.CREATE, request, caller))["id"])

    async def _own_recorded_model(self) -> str:
        return await self._recorded(name="Agent")

    async def _new_recorded_model(self) -> str:
        return await self._recorded(name="Agent")

    async def _new_private_model(self) -> str:
        return await self._recorded(visibility="private")

    async def _recorded_model_of_somebody_else(self) -> str:
        return await self._recorded("somebody_else")

    async def _model_with_fixed_recordings(self) -> str:
        """A recorded model that has met another one in a battle on `own_scenario`."""
        id_, scenario_id = await self._recorded(), await self.value("own_scenario")
        await self.execute(
            "INSERT INTO elo.battles (id, status, developer_id, owner, private, scenario_id, scenario_seq,"
            " scenario_name, category, language, text, model_a_id, model_a_seq, model_b_id, model_b_seq, rated,"
            " unrated_reason, chosen, candidates, inside_window, swaps, control, expected, method_version, void_reason,"
            " votes_a, votes_b, votes_tie, votes_both_bad, drawn, traceparent, webhook_url,"
            " created_at)"
            " SELECT %s, 'void', '', '', true, s.id, s.seq, s.name, s.category, s.language, s.ground_truth_transcript,"
            " m.id, m.seq, o.id, o.seq, false, '', true, 0, false, 0, '', '', '', '', 0, 0, 0, 0, 0, '', '', now()"
            " FROM elo.scenarios s, elo.voice_models m, elo.voice_models o WHERE s.id = %s AND m.id = %s AND o.id = %s",
            f"bat_{secrets.token_hex(16)}",
            scenario_id,
            id_,
            await self._recorded(),
        )
        return id_

    async def _private_model_of_somebody_else(self) -> str:
        return await self._recorded("somebody_else", visibility="private")

    async def _fought_model(self) -> str:
        request = catalogue.model(version=secrets.token_hex(8))
        id_ = str((await self.call(catalogue.CREATE, request))["id"])
        await self.execute("UPDATE elo.voice_models SET first_battle_at = now() WHERE id = %s", id_)
        return id_

    async def _used_recorded_version(self) -> str:
        version = secrets.token_hex(8)
        await self.call(catalogue.CREATE, catalogue.recorded(version=version))
        return version

    # Scenarios.

    async def _scenario(self, caller: str = "developer", **changes: object) -> dict[str, Any]:
        return await self.call(scenarios.CREATE, scenarios.scenario(**changes), caller)

    async def _own_scenario(self) -> str:
        return str((await self._scenario())["id"])

    async def _new_scenario(self) -> str:
        return str((await self._scenario())["id"])

    async def _built_in_scenario(self) -> str:
        listed = await self.call(scenarios.LIST, {"category": "general", "page_size": 1})
        return str(listed["scenarios"][0]["id"])

    async def _fought_scenario(self) -> str:
        id_ = await self._new_scenario()
        await self.execute("UPDATE elo.scenarios SET first_battle_at = now() WHERE id = %s", id_)
        return id_

    async def _used_scenario_request_id(self) -> str:
        request_id = secrets.token_hex(8)
        self._values["scenario_of_request_id"] = (await self._scenario(request_id=request_id))["id"]
        return request_id

    async def _own_category(self) -> str:
        category = f"own_{secrets.token_hex(8)}"
        for language in ("pt-BR", "en", "pta"):
            made = await self._scenario(category=category, language=language)
            self._values.setdefault("scenario_in_own_category", made["id"])
        return category

    async def _archived_category(self) -> str:
        category = f"archived_{secrets.token_hex(8)}"
        made = await self._scenario(category=category)
        archived = await self.call(scenarios.ARCHIVE, {"id": made["id"]})
        self._values["scenario_in_archived_category"] = made["id"]
        self._values["scenario_archived_at"] = archived["updated_at"]
        return category

    async def _scenario_in_archived_category(self) -> str:
        await self.value("archived_category")
        return str(self._values["scenario_in_archived_category"])

    async def _category_of_private_scenario_of_somebody_else(self) -> str:
        category = f"private_{secrets.token_hex(8)}"
        made = await self._scenario("somebody_else", category=category, visibility="private")
        self._values["private_scenario_of_somebody_else"] = made["id"]
        return category

    async def _private_scenario_of_somebody_else(self) -> str:
        await self.value("category_of_private_scenario_of_somebody_else")
        return str(self._values["private_scenario_of_somebody_else"])

    async def _scenarios_page_token(self) -> str:
        return str((await self.call(scenarios.LIST, {"page_size": 1}))["next_page_token"])

    # Battles.

    async def _model_of_espeak(self) -> str:
        return await self._model_with_voice("en-gb")

    async def _other_model_of_espeak(self) -> str:
        return await self._model_with_voice("en-us")

    async def _model_with_voice(self, voice_id: str) -> str:
        config = {"voice_id": voice_id}
        request = catalogue.model(version=secrets.token_hex(8), name=f"Voice {voice_id}", config=config)
        return str((await self.call(catalogue.CREATE, request))["id"])

    async def _withdrawn_model(self) -> str:
        id_ = await self._model_with_voice("en-gb")
        await self.call(catalogue.UPDATE, {"id": id_, "active": False})
        return id_

    async def _private_scenario_of_developer(self) -> str:
        return str((await self._scenario(visibility="private"))["id"])

    async def _german_scenario(self) -> str:
        return str((await self._scenario(language="de"))["id"])

    async def _battle(self, **changes: object) -> str:
        request = await self.resolve(battles.battle(**changes), {})
        return str((await self.call(battles.CREATE, request))["id"])

    async def _own_battle(self) -> str:
        return await self._battle()

    async def _own_private_battle(self) -> str:
        return await self._battle(private=True)

    async def _scenario_with_battle(self) -> str:
        scenario_id = str((await self._scenario())["id"])
        self._values["battle_on_own_scenario"] = await self._battle(scenario_id=scenario_id)
        return scenario_id

    async def _battle_on_own_scenario(self) -> str:
        await self.value("scenario_with_battle")
        return str(self._values["battle_on_own_scenario"])

    async def _used_battle_request_id(self) -> str:
        request_id = secrets.token_hex(8)
        made = await self.call(battles.CREATE, {"category": "sales", "request_id": request_id})
        self._values["battle_of_request_id"] = made["id"]
        return request_id
