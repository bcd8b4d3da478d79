"""The values for the cases of voting: open battles, voters, and battles that they got, heard and answered."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.contract.arena_world import ArenaWorld
from tests.contract.cases import battles, voting

SENT_TIMEOUT_SECONDS, OPEN_TIMEOUT_SECONDS = 10.0, 60.0
POLL_SECONDS = 0.02


class VotingWorld(ArenaWorld):
    """The part of `World` for voting. All battles are of the developer's own board, so that no others are drawn."""

    # Voters.

    async def _session(self, caller: str) -> str:
        return str((await self.call(voting.CREATE_VOTER, {}, caller))["session_token"])

    async def _voter(self) -> str:
        return await self._session("nobody")

    async def _another_invited_voter(self) -> str:
        return await self._session("developer")

    async def _voter_without_battles(self) -> str:
        """A voter of a developer whose own board has no battles."""
        return await self._session("somebody_else")

    async def _voter_of_open_battles(self) -> str:
        await self._open_battle()
        return await self._session("developer")

    async def _voter_of_battle(self) -> str:
        await self._give_battle()
        return str(self._values["voter_of_battle"])

    # Battles.

    async def _open_battle(self) -> str:
        """A battle of the own board that people can vote on."""
        id_ = await self._battle(private=True)
        async with asyncio.timeout(OPEN_TIMEOUT_SECONDS):
            while True:
                if (await self.call(battles.GET, {"id": id_}))["status"] != "preparing":
                    return id_
                await asyncio.sleep(POLL_SECONDS)

    async def _give_battle(self) -> dict[str, Any]:
        """Gives a battle to a new voter, `voter_of_battle`."""
        await self._open_battle()
        self._values["voter_of_battle"] = await self._session("developer")
        return await self.call(voting.NEXT, {"own_board": True}, voting.BY_BATTLE)

    async def _new_shown_battle(self) -> str:
        """A battle whose clips `voter_of_battle` has not fetched."""
        return str((await self._give_battle())["battle_id"])

    async def _shown_battle(self) -> str:
        shown = await self._give_battle()
        self._values["voter_of_shown_battle"] = self._values["voter_of_battle"]
        self._values["clip_of_shown_battle"] = shown["clip_a_url"]
        return str(shown["battle_id"])

    async def _voter_of_shown_battle(self) -> str:
        await self.value("shown_battle")
        return str(self._values["voter_of_shown_battle"])

    async def _clip_of_shown_battle(self) -> str:
        await self.value("shown_battle")
        return str(self._values["clip_of_shown_battle"])

    async def _clip_name_of_shown_battle(self) -> str:
        return (await self._clip_of_shown_battle()).rpartition("/")[2]

    async def _new_fetched_battle(self) -> str:
        """A battle whose clips `voter_of_battle` has just fetched. The recorded time is moved a minute ahead."""
        return await self._send_clips("+1 minute")

    async def _new_heard_battle(self) -> str:
        """A battle whose clips were fetched by `voter_of_battle` an hour ago."""
        return await self._send_clips("-1 hour")

    async def _send_clips(self, shift: str) -> str:
        shown = await self._give_battle()
        names = [shown[f"clip_{side}_url"].rpartition("/")[2] for side in "ab"]
        for name in names:
            assert (await self.try_call(voting.CLIP, {"name": name}, "nobody")).code == "OK"
        # The gateway reports what it has sent a moment later.
        async with asyncio.timeout(SENT_TIMEOUT_SECONDS):
            while True:
                if await self._sending_moved(names[0], shift):
                    return str(shown["battle_id"])
                await asyncio.sleep(POLL_SECONDS)

    async def _sending_moved(self, clip_a: str, shift: str) -> bool:
        """Moves the times at which both clips were sent. Returns False if they were not."""
        return await self.execute(
            "UPDATE elo.listening_assignments SET a_sent_at = a_sent_at + %s::interval,"
            " b_sent_at = b_sent_at + %s::interval"
            " WHERE clip_a = %s AND a_sent_at IS NOT NULL AND b_sent_at IS NOT NULL",
            shift,
            shift,
            clip_a,
        )

    async def _new_answered_battle(self) -> str:
        """A battle that `voter_of_battle` has answered with `a`."""
        id_ = await self._new_heard_battle()
        await self.call(voting.VOTE, {"id": id_, "winner": "a"}, voting.BY_BATTLE)
        return id_

    async def _with_status(self, status: str) -> str:
        """A public battle in a state in which it takes no votes."""
        id_ = await self._open_battle()
        await self.execute(
            "UPDATE elo.battles SET status = %s, private = false, render_a_id = NULL, render_b_id = NULL,"
            " closes_at = NULL, winner = 'a' WHERE id = %s",
            status,
            id_,
        )
        return id_

    async def _preparing_battle(self) -> str:
        return await self._with_status("preparing")

    async def _decided_battle(self) -> str:
        return await self._with_status("decided")

    async def _void_battle(self) -> str:
        return await self._with_status("void")
