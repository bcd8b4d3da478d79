"""Panels, from the first listener to the verdict: a script at one address, an office, people at home."""

import json
import random

import pytest
from google.protobuf.json_format import ParseDict
from voicearena.experiments.v1.results_pb2 import Results

from services.experiments.exports.usecases import Exporting
from services.experiments.listening import listeners
from services.experiments.results.usecases import Reading
from services.runtime.errors import InvalidInput, QuotaExceeded, Unauthenticated
from services.runtime.exports import ExportLimits
from services.runtime.identity import Caller, Voter, set_caller
from services.runtime.pages import Pages
from services.shared.listening import comparing
from services.shared.listening.domain import Assignment, InvitationTally, ListenerAnswer
from services.shared.listening.judging import VoteState
from tests.unit.experiments.listening.conftest import DECIDE_SECONDS, EXPERIMENT, ListeningWorld, call_as

PROMPTS = 4


def come_with(session: str | None) -> None:
    """Makes the next calls with a voter's session, or without one."""
    set_caller(Caller(None, "a token", Voter(session)) if session else None)


def for_first(pair: Assignment) -> str:
    """Returns the side of the first model."""
    return "b" if pair.swapped else "a"


async def link(world: ListeningWorld, per_address: int | None = None) -> str:
    """Creates a link as the developer and returns its token."""
    call_as("dev_a")
    made = await world.links.create(EXPERIMENT, None, "", per_address)
    come_with(None)
    return made.token


async def prefer_first(world: ListeningWorld, token: str, address: bytes, *, pairs: int = PROMPTS) -> str:
    """Joins from an address and votes for the first model on some pairs. Returns the listener."""
    world.address = address
    listener = (await world.listeners.join(token)).token
    for _ in range(pairs):
        pair = await world.play(token, listener)
        await world.listeners.vote(token, listener, pair.id, ListenerAnswer(for_first(pair)))
    return listener


async def verdict(world: ListeningWorld) -> Results:
    """Closes listening and returns the results."""
    call_as("dev_a")
    await world.by_hand.close(EXPERIMENT)
    results = await world.stored_results()
    return ParseDict(results, Results())


async def test_a_script_with_twelve_listeners_gets_no_confident_verdict(world: ListeningWorld) -> None:
    await world.begin(prompts=PROMPTS, votes_per_pair=100)
    token = await link(world)
    for _ in range(12):
        await prefer_first(world, token, b"script")
    experiment = await world.experiment()
    assert experiment.votes_received == 3 * PROMPTS, "excluded votes complete no pair"
    results = await verdict(world)
    assert results.confidence == Results.inconclusive
    assert not results.HasField("winner")
    assert (results.votes.votes, results.votes.listeners, results.votes.excluded) == (12, 3, 36)
    assert [(each.reason, each.votes) for each in results.votes.exclusions] == [("address_limit", 36)]
    assert results.reasons[-1] == (
        "36 more votes were left out as doubtful: 36 from an address with more listeners than the link allows."
    )
    assert (await world.only_link()).tally == InvitationTally(12, 48, 36)


async def test_exported_votes_have_their_states(world: ListeningWorld) -> None:
    await world.begin(prompts=1, votes_per_pair=3)
    token = await link(world, 1)
    for number in range(4):
        await prefer_first(world, token, b"script" if number < 2 else b"home %d" % number, pairs=1)
    call_as("dev_a")
    reading = Reading(world.database, world.experiments, Pages("a secret"))
    exporting = Exporting(world.database, world.experiments, reading, world.vote_store, ExportLimits())
    async with exporting.export(EXPERIMENT, "jsonl", "votes") as export:
        rows = [json.loads(line) for line in export.content.splitlines()]
    assert [(row["state"], row["reason"], row["address"]) for row in rows] == [
        ("counted", None, 1),
        ("excluded", "address_limit", 1),
        ("counted", None, 2),
        ("counted", None, 3),
    ]
    for row, vote in zip(rows, await world.cast(), strict=True):
        assert (row["id"], row["preferred"], row["supervised"]) == (vote.id, "espeak:voice-0", False)
        assert {row["clip_a_model"], row["clip_b_model"]} == {"espeak:voice-0", "espeak:voice-1"}
        assert row[f"clip_{row['answer']}_model"] == row["preferred"]
        assert row["spare_seconds"] == pytest.approx(DECIDE_SECONDS)
        assert row["judged_at"] == row["cast_at"]
    assert "address" not in export.content.decode().replace('"address":', "").replace("address_limit", "")


async def test_a_script_can_not_see_that_its_votes_are_excluded(world: ListeningWorld) -> None:
    await world.begin(prompts=PROMPTS, votes_per_pair=100)
    token = await link(world, 1)
    await prefer_first(world, token, b"script")
    listener = await prefer_first(world, token, b"script", pairs=1)
    seen = await world.listeners.next_pair(token, listener)
    assert (seen.progress.votes_given, seen.progress.pairs_left, seen.progress.open) == (1, PROMPTS - 1, True)


@pytest.mark.parametrize("most", [12, 0])
async def test_with_more_than_half_of_the_votes_from_one_address_confidence_is_at_most_low(
    world: ListeningWorld, most: int
) -> None:
    await world.begin(prompts=PROMPTS, votes_per_pair=100)
    token = await link(world, most)
    for _ in range(12):
        await prefer_first(world, token, b"script")
    results = await verdict(world)
    assert (results.votes.votes, results.votes.excluded, results.votes.largest_address_share) == (48, 0, 1.0)
    assert (results.confidence, results.votes.evidence_level) == (Results.low, Results.low)
    assert results.reasons == [
        "48 of 48 counted votes come from listeners at one address, who may be one person. If more than half come from "
        "one address, confidence is at most low."
    ]


async def test_a_supervised_office_of_eight_reaches_a_verdict_marked_as_supervised(world: ListeningWorld) -> None:
    await world.begin(prompts=PROMPTS, votes_per_pair=8)
    token = await link(world, 0)
    for _ in range(8):
        await prefer_first(world, token, b"office")
    assert (await world.experiment()).status == "completed"
    results = ParseDict(await world.stored_results(), Results())
    assert (results.winner, results.confidence) == ("espeak:voice-0", Results.low)
    assert results.p_winner == 2 / 2**8
    assert (results.votes.supervised, results.votes.votes, results.votes.excluded) == (32, 32, 0)


async def test_eight_people_at_home_reach_high_confidence(world: ListeningWorld) -> None:
    await world.begin(prompts=PROMPTS, votes_per_pair=8)
    token = await link(world)
    for number in range(8):
        await prefer_first(world, token, b"home %d" % number)
    results = ParseDict(await world.stored_results(), Results())
    assert (results.winner, results.confidence, list(results.reasons)) == ("espeak:voice-0", Results.high, [])
    assert (results.votes.supervised, results.votes.largest_address_share) == (0, 1 / 8)


async def test_an_office_counts_fully_beside_as_many_votes_from_homes(world: ListeningWorld) -> None:
    await world.begin(prompts=PROMPTS, votes_per_pair=100)
    office, home = await link(world, 0), await link(world)
    for _ in range(4):
        await prefer_first(world, office, b"office")
    for number in range(4):
        await prefer_first(world, home, b"home %d" % number)
    results = await verdict(world)
    assert (results.confidence, results.votes.largest_address_share) == (Results.high, 0.5)
    assert results.votes.supervised == 4 * PROMPTS


async def test_voting_from_changing_addresses_does_not_bypass_the_limit(world: ListeningWorld) -> None:
    await world.begin(prompts=PROMPTS, votes_per_pair=100)
    token = await link(world)
    for number in range(12):
        world.address = b"script"
        listener = (await world.listeners.join(token)).token
        for _ in range(PROMPTS):
            world.address = b"proxy %d" % number
            pair = await world.play(token, listener)
            await world.listeners.vote(token, listener, pair.id, ListenerAnswer(for_first(pair)))
    results = await verdict(world)
    assert (results.votes.listeners, results.votes.excluded) == (3, 36)
    assert results.confidence == Results.inconclusive


async def test_a_session_is_one_listener_of_a_link_from_any_address(world: ListeningWorld) -> None:
    await world.begin(prompts=PROMPTS, votes_per_pair=2)
    token, other = await link(world), await link(world)
    first = await world.listeners.join(token)
    assert first.session == world.sessions.made[0]
    come_with(first.session.voter_id)
    await world.answer(token, first.token)
    world.address = b"another"
    again = await world.listeners.join(token)
    assert (again.token, again.session, again.progress.votes_given) == (first.token, None, 1)
    assert (await world.listeners.join(other)).token != first.token
    come_with(None)
    assert (await world.listeners.join(token)).token != first.token
    assert len(world.sessions.made) == 2


async def test_a_session_that_votes_through_two_links_counts_once(world: ListeningWorld) -> None:
    await world.begin(prompts=PROMPTS, votes_per_pair=2)
    token, other = await link(world), await link(world)
    come_with("usr_" + "a" * 32)
    await prefer_first(world, token, b"home")
    await prefer_first(world, other, b"office")
    assert [vote.listener for vote in await world.votes()] == [(await world.votes())[0].listener] * PROMPTS
    cast = await world.cast()
    assert [each.exclusion_reason for each in cast] == [None] * PROMPTS + ["same_session"] * PROMPTS


async def test_an_invalid_link_creates_no_session(world: ListeningWorld) -> None:
    await world.begin()
    token = await link(world)
    for bad in (token[:-1], token[:-1] + ("A" if token[-1] != "A" else "B")):
        with pytest.raises(Unauthenticated):
            await world.listeners.join(bad)
    assert world.sessions.made == []


async def test_joins_from_one_address_are_limited(world: ListeningWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (comparing, listeners):
        monkeypatch.setattr(module, "MAX_JOINED_FROM_ADDRESS", 5)
    await world.begin()
    token = await link(world)
    world.address = b"script"
    for _ in range(5):
        await world.listeners.join(token)
    with pytest.raises(QuotaExceeded, match="5 from your network address"):
        await world.listeners.join(token)
    world.address = b"home"
    await world.listeners.join(token)


async def test_listeners_who_never_vote_do_not_use_up_the_address_limit(world: ListeningWorld) -> None:
    await world.begin(prompts=1, votes_per_pair=100)
    token = await link(world)
    world.address = b"office"
    for _ in range(20):
        await world.listeners.join(token)
    for _ in range(3):
        await prefer_first(world, token, b"office", pairs=1)
    assert len(await world.votes()) == 3


async def test_a_listener_who_always_answers_one_side_completes_no_pair(world: ListeningWorld) -> None:
    await world.begin(prompts=12, votes_per_pair=1)
    token = await link(world)
    world.address = b"home"
    listener = (await world.listeners.join(token)).token
    for given in range(11):
        await world.answer(token, listener, "a")
        experiment = await world.experiment()
        assert experiment.votes_received == (given + 1 if given < 9 else 0)
    cast = await world.cast()
    assert {each.state for each in cast} == {VoteState.EXCLUDED}
    # After one answer for the other side all votes count again, and complete the pairs.
    await world.answer(token, listener, "b")
    assert (await world.experiment()).status == "completed"
    assert len(await world.votes()) == 12


async def test_the_same_vote_from_two_tabs_counts_once(world: ListeningWorld) -> None:
    await world.begin(prompts=1, votes_per_pair=100)
    token = await link(world)
    world.address = b"home"
    listener = (await world.listeners.join(token)).token
    pair = await world.play(token, listener)
    for _ in range(2):
        await world.listeners.vote(token, listener, pair.id, ListenerAnswer.A)
    assert len(await world.cast()) == 1
    call_as("dev_a")
    assert (await world.only_link()).tally.votes == 1


@pytest.mark.parametrize("most", [-1, 1001])
async def test_a_listener_limit_outside_its_range_is_refused(world: ListeningWorld, most: int) -> None:
    await world.plan()
    with pytest.raises(InvalidInput, match="0 to 1000"):
        await world.links.create(EXPERIMENT, None, "", most)


async def test_a_script_with_several_links_reaches_at_most_low_confidence(world: ListeningWorld) -> None:
    chance = random.Random(3)
    await world.begin(prompts=2, votes_per_pair=100)
    limits = [await link(world, most) for most in (0, 3, 50)]
    for _ in range(20):
        await prefer_first(world, chance.choice(limits), b"script", pairs=2)
    results = await verdict(world)
    assert results.confidence == Results.low
