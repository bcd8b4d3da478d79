"""The values for the cases of listening: experiments with open listening, links, listeners and pairs."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from services.experiments.listening.tokens import ListeningTokens
from tests.contract.case_world import CaseWorld
from tests.contract.cases import experiments, listening, planning
from tests.contract.clients import bearer, http_client
from tests.listening import followed

SENT_TIMEOUT_SECONDS = 10.0
BOTH_CLIPS_SENT = """
    SELECT 1 FROM experiments.listening_assignments
    WHERE id = %s AND a_sent_at IS NOT NULL AND b_sent_at IS NOT NULL
"""


class ListeningWorld(CaseWorld):
    """The part of `World` for listening."""

    # Experiments.

    async def _new_human_experiment(self) -> str:
        return await self._created_human_experiment()

    async def _created_human_experiment(self, caller: str = "developer") -> str:
        plan = planning.experiment(eval_mode="human", prompts=["Hi."], votes_per_pair=100)
        return str((await self.call(planning.CREATE, plan, caller))["id"])

    async def _cancelled_human_experiment(self) -> str:
        return str((await self.call(experiments.CANCEL, {"id": await self._created_human_experiment()}))["id"])

    async def _opened(self, **changes: object) -> str:
        """Runs an experiment until listeners can vote."""
        plan = planning.experiment(**{"eval_mode": "human", "prompts": ["Hi."], "votes_per_pair": 100, **changes})
        id_ = str((await self.call(planning.CREATE, plan))["id"])
        await self.call(experiments.RUN, {"id": id_})
        async with http_client(self.mesh.api_url) as http:
            http.headers.update(bearer(self.developer.api_key))
            assert (await followed(http, id_, until_open=True))["listening"]["open"]
        return id_

    async def _open_experiment(self) -> str:
        return await self._opened(prompts=["Hi.", "Ho.", "Hey."])

    async def _new_open_experiment(self) -> str:
        return await self._opened()

    # Links.

    async def _link(self, experiment: str, **changes: object) -> dict[str, Any]:
        return await self.call(listening.CREATE, {"experiment_id": experiment, **changes})

    async def _link_token(self) -> str:
        return str((await self._link(await self.value("open_experiment")))["token"])

    async def _other_link_token(self) -> str:
        """A link token of another experiment."""
        return str((await self._link(await self.value("created_human_experiment")))["token"])

    async def _tampered_link_token(self) -> str:
        token = await self.value("link_token")
        return str(token[:20] + ("A" if token[20] != "A" else "B") + token[21:])

    async def _expired_link_token(self) -> str:
        made = await self._link(await self.value("open_experiment"))
        tokens = ListeningTokens(self.mesh.data_dir.secret("audio_url_secret"))
        return tokens.of_link(made["link"]["id"], datetime.now(UTC) - timedelta(seconds=1))

    async def _revoked_link_token(self) -> str:
        experiment = await self.value("open_experiment")
        made = await self._link(experiment)
        listener = await self._join(made["token"])
        clip = (await self._pair(made["token"], listener))["clip_a_url"].rpartition("/")[2]
        self._values["clip_of_revoked_link"] = clip
        await self.call(listening.REVOKE, {"experiment_id": experiment, "link_id": made["link"]["id"]})
        return str(made["token"])

    async def _clip_of_revoked_link(self) -> str:
        await self.value("revoked_link_token")
        return str(self._values["clip_of_revoked_link"])

    async def _new_link_id(self) -> str:
        return str((await self._link(await self.value("open_experiment")))["link"]["id"])

    async def _linked_experiment(self) -> str:
        """An experiment with three links."""
        id_ = await self._created_human_experiment()
        for _ in range(3):
            self._values["newest_link_id"] = (await self._link(id_))["link"]["id"]
        return id_

    async def _newest_link_id(self) -> str:
        await self.value("linked_experiment")
        return str(self._values["newest_link_id"])

    async def _links_page_token(self) -> str:
        request = {"experiment_id": await self.value("linked_experiment"), "page_size": 2}
        return str((await self.call(listening.LIST, request))["next_page_token"])

    async def _used_link_request_id(self) -> str:
        request_id = secrets.token_hex(8)
        made = await self._link(await self.value("created_human_experiment"), request_id=request_id)
        self._values["link_of_request_id"], self._values["token_of_request_id"] = made["link"]["id"], made["token"]
        return request_id

    # Listeners and pairs.

    async def _join(self, token: str) -> str:
        return str((await self.call(listening.JOIN, {"token": token}, "nobody"))["listener"])

    async def _pair(self, token: str, listener: str) -> dict[str, Any]:
        response = await self.call(listening.NEXT, {"token": token, "listener": listener}, "nobody")
        return dict(response["pair"])

    async def _session_that_joined(self) -> str:
        """The session of `listener_of_session`."""
        joined = await self.call(listening.JOIN, {"token": await self.value("link_token")}, "nobody")
        self._values["listener_of_session"] = joined["listener"]
        return str(joined["session_token"])

    async def _listener_of_session(self) -> str:
        await self.value("session_that_joined")
        return str(self._values["listener_of_session"])

    async def _new_listener(self) -> str:
        return await self._join(await self.value("link_token"))

    async def _other_listener(self) -> str:
        """A listener of another link."""
        return await self._join(await self.value("other_link_token"))

    async def _new_shown_pair(self) -> str:
        """A pair of `listener_of_pair`, who has not fetched its clips."""
        return str((await self._shown(await self.value("link_token")))["id"])

    async def _shown(self, token: str) -> dict[str, Any]:
        self._values["listener_of_pair"] = await self._join(token)
        return await self._pair(token, self._values["listener_of_pair"])

    async def _new_fetched_pair(self) -> str:
        """A pair whose clips `listener_of_pair` has just fetched. The recorded time is moved a minute ahead."""
        pair = await self._fetched(await self.value("link_token"))
        await self._shift_sending_times(pair, "+1 minute")
        return str(pair["id"])

    async def _fetched(self, token: str) -> dict[str, Any]:
        """Returns a pair once the mesh has recorded that both clips were sent."""
        pair = await self._shown(token)
        for url in (pair["clip_a_url"], pair["clip_b_url"]):
            fetched = await self.try_call(listening.CLIP, {"name": url.rpartition("/")[2]}, "nobody")
            assert fetched.code == "OK"
        # The gateway reports what it has sent a moment later.
        async with asyncio.timeout(SENT_TIMEOUT_SECONDS), await self._database() as connection:
            while True:
                if await (await connection.execute(BOTH_CLIPS_SENT, [pair["id"]])).fetchone():
                    return pair
                await asyncio.sleep(0.02)

    async def _new_played_pair(self) -> str:
        """A pair whose clips were fetched by `listener_of_pair` an hour ago."""
        return await self._played(await self.value("link_token"))

    async def _played(self, token: str) -> str:
        pair = await self._fetched(token)
        await self._shift_sending_times(pair, "-1 hour")
        return str(pair["id"])

    async def _shift_sending_times(self, pair: dict[str, Any], by: str) -> None:
        async with await self._database() as connection:
            await connection.execute(
                "UPDATE experiments.listening_assignments SET a_sent_at = a_sent_at + %(by)s::interval,"
                " b_sent_at = b_sent_at + %(by)s::interval WHERE id = %(id)s",
                {"id": pair["id"], "by": by},
            )

    async def _database(self) -> AsyncConnection[Any]:
        return await AsyncConnection.connect(self.mesh.database_url, autocommit=True)

    async def _new_answered_pair(self) -> str:
        """A pair that `listener_of_pair` has answered with `a`."""
        token = await self.value("link_token")
        pair_id = await self._played(token)
        vote = listening.vote(token=token, listener=self._values["listener_of_pair"], pair_id=pair_id)
        await self.call(listening.VOTE, vote, "nobody")
        return pair_id

    async def _late_pair(self) -> str:
        """A pair that `late_listener` of `late_token` heard before listening closed."""
        experiment = await self._opened()
        token = str((await self._link(experiment))["token"])
        pair_id = await self._played(token)
        self._values["late_token"], self._values["late_listener"] = token, self._values["listener_of_pair"]
        await self.call(listening.CLOSE, {"experiment_id": experiment})
        return pair_id

    async def _new_clip(self) -> str:
        pair = await self._shown(await self.value("link_token"))
        return str(pair["clip_b_url"].rpartition("/")[2])
