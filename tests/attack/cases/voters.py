"""Attacks with the anonymous sessions of voters."""

from __future__ import annotations

import re
from itertools import cycle

from tests.attack.attack import CannotTry, attack
from tests.attack.target import Target
from tests.contract.clients import PROTOCOLS, bearer
from tests.contract.rpcs import public_rpcs, rpcs

# RPCs that need no API key, or a session of a voter.
OPEN = {
    "AuthService.RegisterDeveloper",
    "AuthService.CreateVoter",
    "MeshService.GetHealth",
    "TtsService.GetAudio",
    "ListeningService.JoinListening",
    "ListeningService.NextListeningPair",
    "ListeningService.GetListeningClip",
    "ListeningService.CastListeningVote",
    *(name for name in public_rpcs() if name.startswith(("AnalyticsService.", "LeaderboardService."))),
    *("BattleService.GetBattle", "BattleService.ListBattles", "BattleService.WatchBattle"),
    *(
        "BattleService.NextBattle",
        "BattleService.GetBattleClip",
        "BattleService.VoteInBattle",
        "BattleService.GetVoter",
    ),
    *("EloService.ListVoiceModels", "EloService.GetVoiceModel", "EloService.GetVoiceModelCard"),
    *("ScenarioService.ListScenarios", "ScenarioService.GetScenario"),
}
BUSY = "this address has made too many calls lately"


async def session(target: Target) -> dict[str, str]:
    """Returns the Authorization header of a new session."""
    made = await target.call("AuthService.CreateVoter", {}, "nobody")
    if made.code == "RESOURCE_EXHAUSTED":
        raise CannotTry(BUSY)
    return bearer(made.answer["session_token"])


@attack("calls a developer's RPCs with a voter's session", promise="403 for each of them")
async def call_as_a_voter(target: Target) -> None:
    headers = await session(target)
    # One protocol for each RPC, to stay within the rate limit. The contract tests use every protocol.
    for name, protocol in zip(sorted(set(public_rpcs()) - OPEN), cycle(PROTOCOLS), strict=False):
        route = rpcs()[name].route
        request = dict.fromkeys(re.findall(r"\{(\w+)\}", route[1] if route else ""), "x")
        outcome = await target.clients[protocol].call(rpcs()[name], request, headers)
        if outcome.code == "RESOURCE_EXHAUSTED":
            raise CannotTry(BUSY)
        assert outcome.code == "PERMISSION_DENIED", f"{name} over {protocol} answered {outcome.code}"


@attack("changes a voter's session token", promise="401 for each change")
async def change_a_session(target: Target) -> None:
    token = (await session(target))["authorization"].removeprefix("Bearer ")
    for place in range(3, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        response = await target.http.get("/api/v1/developers/me", headers=bearer(changed))
        if response.status_code == 429:
            raise CannotTry(BUSY)
        assert response.status_code == 401, f"a token changed at {place} was answered {response.status_code}"
