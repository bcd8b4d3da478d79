"""Attacks by one person who pretends to be many listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.attack.attack import CannotTry, attack
from tests.attack.cases.evidence import plan
from tests.attack.target import Target
from tests.contract.clients import bearer, http_client
from tests.contract.rpcs import rpcs
from tests.listening import followed

# If they all agree, six listeners at different addresses reach medium confidence.
LISTENERS = 6
MAX_WAIT_SECONDS = 15
"""How long to wait for the rate limit of anonymous calls. Other attacks make many of them."""


@asynccontextmanager
async def open_listening_test(target: Target, *, run: bool = True, **link: object) -> AsyncIterator[tuple[str, str]]:
    """Yields the id of an experiment with one short prompt, and the token of a listening link to it.

    Without `run`, listeners can join but get no pair. The experiment is deleted at the end of the block.
    """
    human = {**plan(["Hi."]), "eval_mode": "human", "votes_per_pair": 100}
    created = await target.call("ExperimentService.CreateExperiment", human)
    id_ = created.answer["id"]
    try:
        made = await target.call("ListeningService.CreateListeningLink", {"experiment_id": id_, **link})
        if run:
            await target.call("ExperimentService.RunExperiment", {"id": id_})
            async with http_client(target.api_url) as http:
                http.headers.update(await target.headers())
                await followed(http, id_, until_open=True)
        yield id_, made.answer["token"]
    finally:
        await target.call("ExperimentService.DeleteExperiment", {"id": id_})


async def hear(target: Target, token: str, listener: str) -> tuple[dict[str, Any], str]:
    """Fetches the next pair and waits for its length. Returns a vote for the longer clip, and the pair's id."""
    body = {"token": token, "listener": listener}
    pair = (await target.call("ListeningService.NextListeningPair", body, "nobody")).answer["pair"]
    for clip in ("a", "b"):
        response = await target.http.get(pair[f"clip_{clip}_url"])
        assert response.status_code == 200, response.text
    await asyncio.sleep(pair["clip_a_seconds"] + pair["clip_b_seconds"] + 0.1)
    longer = "a" if pair["clip_a_seconds"] > pair["clip_b_seconds"] else "b"
    return {**body, "pair_id": pair["id"], "answer": longer}, pair["id"]


async def joined(
    target: Target, token: str, session: dict[str, str] | None = None, protocol: str = "json"
) -> dict[str, Any]:
    """Joins a link and returns the response. Waits while the rate limit of anonymous calls refuses it."""
    rpc = rpcs()["ListeningService.JoinListening"]
    for _ in range(MAX_WAIT_SECONDS):
        outcome = await target.clients[protocol].call(rpc, {"token": token}, session or {})
        if outcome.reason != "RATE_LIMITED":
            return outcome.answer
        await asyncio.sleep(1)
    raise CannotTry("this address makes too many anonymous calls")


@attack("pretends to be six listeners at one address", promise="three of them count, and there is no winner")
async def pretend_to_be_a_panel(target: Target) -> None:
    async with open_listening_test(target) as (id_, token):

        async def one() -> None:
            vote, _ = await hear(target, token, (await joined(target, token))["listener"])
            outcome = await target.call("ListeningService.CastListeningVote", vote, "nobody")
            assert outcome.answer["progress"]["votes_given"] == 1, "the response reveals that the vote was excluded"

        await asyncio.gather(*(one() for _ in range(LISTENERS)))
        await target.call("ListeningService.CloseListening", {"experiment_id": id_})
        results = (await target.call("ExperimentService.GetResults", {"id": id_})).answer
        votes = results["votes"]
        assert (votes["votes"], votes["excluded"]) == (3, LISTENERS - 3), votes
        assert results["confidence"] == "inconclusive", results
        assert "winner" not in results, results


@attack("declares six listeners at one address a supervised panel", promise="shown in the results, at most low")
async def pretend_to_supervise(target: Target) -> None:
    async with open_listening_test(target, max_listeners_per_address=0) as (id_, token):

        async def one() -> None:
            vote, _ = await hear(target, token, (await joined(target, token))["listener"])
            await target.call("ListeningService.CastListeningVote", vote, "nobody")

        await asyncio.gather(*(one() for _ in range(LISTENERS)))
        await target.call("ListeningService.CloseListening", {"experiment_id": id_})
        results = (await target.call("ExperimentService.GetResults", {"id": id_})).answer
        assert results["confidence"] in ("low", "inconclusive"), results
        assert results["votes"]["supervised"] == results["votes"]["votes"] == LISTENERS, results["votes"]
        assert any("at one address" in reason for reason in results["reasons"]), results["reasons"]


@attack("votes again, for another listener, and after the link was revoked", promise="one vote, then 401")
async def vote_more_than_once(target: Target) -> None:
    async with open_listening_test(target) as (id_, token):
        first, second = await joined(target, token), await joined(target, token)
        vote, _ = await hear(target, token, first["listener"])
        rpc = "ListeningService.CastListeningVote"
        at_once = await asyncio.gather(*(target.call(rpc, vote, "nobody") for _ in range(5)))
        assert {each.code for each in at_once} == {"OK"}, [each.message for each in at_once]
        links = await target.call("ListeningService.ListListeningLinks", {"experiment_id": id_})
        (link,) = links.answer["links"]
        assert link["votes"] == 1, link
        other = "b" if vote["answer"] == "a" else "a"
        changed = await target.call(rpc, {**vote, "answer": other}, "nobody")
        assert (changed.reason, changed.metadata.get("status")) == ("WRONG_STATE", "answered"), changed
        foreign = await target.call(rpc, {**vote, "listener": second["listener"]}, "nobody")
        assert foreign.code == "NOT_FOUND", foreign
        unheard = await target.call(
            "ListeningService.NextListeningPair", {"token": token, "listener": second["listener"]}, "nobody"
        )
        revoked = {"experiment_id": id_, "link_id": link["id"]}
        await target.call("ListeningService.RevokeListeningLink", revoked)
        late = {"token": token, "listener": second["listener"], "pair_id": unheard.answer["pair"]["id"], "answer": "a"}
        refused = await target.call(rpc, late, "nobody")
        assert refused.code == "UNAUTHENTICATED", refused
        assert (await target.http.get(unheard.answer["pair"]["clip_a_url"])).status_code == 401


@attack("joins a link twenty times with one session", promise="one listener")
async def join_again_and_again(target: Target) -> None:
    async with open_listening_test(target, run=False) as (id_, token):
        session = bearer((await joined(target, token))["session_token"])
        found = [await joined(target, token, session) for _ in range(5)]
        found += await asyncio.gather(*(joined(target, token, session, "grpc") for _ in range(15)))
        assert len({each["listener"] for each in found}) == 1
        links = await target.call("ListeningService.ListListeningLinks", {"experiment_id": id_})
        assert links.answer["links"][0]["listeners"] == 1, links.answer
