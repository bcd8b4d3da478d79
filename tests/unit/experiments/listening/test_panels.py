"""Panels from the first listener to the verdict: a script at one address, an office, people at home."""

import json
import random

import pytest
from google.protobuf.json_format import ParseDict
from voicearena.experiments.v1.results_pb2 import Results

from services.experiments.exports.usecases import Exporting
from services.experiments.listening import listeners
from services.experiments.results.usecases import Reading
from services.runtime.errors import InvalidInput, QuotaExceeded, Unauthenticated
from services.runtime.identity import Caller, Voter, set_caller
from services.runtime.pages import Pages
from services.shared.listening import comparing
from services.shared.listening.domain import Assignment, ListenerAnswer, Tally
from services.shared.listening.judging import VoteState
from tests.unit.experiments.listening.conftest import DECIDE_SECONDS, EXPERIMENT, Room, call_as

PROMPTS = 4


def come_with(session: str | None) -> None:
    """Lets the next calls come with a voter's session, or with none."""
    set_caller(Caller(None, "a token", Voter(session)) if session else None)


def for_first(pair: Assignment) -> str:
    """The side that the first model is on."""
    return "b" if pair.swapped else "a"


async def link(room: Room, most: int | None = None) -> str:
    """Makes a link as its developer and returns its token."""
    call_as("dev_a")
    made = await room.links.create(EXPERIMENT, None, "", most)
    come_with(None)
    return made.token


async def prefer_first(room: Room, token: str, address: bytes, *, pairs: int = PROMPTS) -> str:
    """Joins from an address and votes for the first model on some pairs; returns the listener."""
    room.address = address
    listener = (await room.listeners.join(token)).token
    for _ in range(pairs):
        pair = await room.play(token, listener)
        await room.listeners.vote(token, listener, pair.id, ListenerAnswer(for_first(pair)))
    return listener


async def verdict(room: Room) -> Results:
    """Closes listening and returns the results."""
    call_as("dev_a")
    await room.by_hand.close(EXPERIMENT)
    results = await room.stored_results()
    return ParseDict(results, Results())


async def test_twelve_listeners_of_one_script_prove_nothing(room: Room) -> None:
    await room.begin(prompts=PROMPTS, votes_per_pair=100)
    token = await link(room)
    for _ in range(12):
        await prefer_first(room, token, b"script")
    experiment = await room.experiment()
    assert experiment.votes_received == 3 * PROMPTS, "what is left out fills nothing"
    results = await verdict(room)
    assert results.confidence == Results.inconclusive
    assert not results.HasField("winner")
    assert (results.votes.votes, results.votes.listeners, results.votes.excluded) == (12, 3, 36)
    assert [(each.reason, each.votes) for each in results.votes.exclusions] == [("address_limit", 36)]
    assert results.reasons[-1] == (
        "36 more votes were left out as doubtful: 36 from an address with more listeners than the link allows."
    )
    assert (await room.only_link()).tally == Tally(12, 48, 36)


async def test_votes_are_exported_with_their_states(room: Room) -> None:
    await room.begin(prompts=1, votes_per_pair=3)
    token = await link(room, 1)
    for number in range(4):
        await prefer_first(room, token, b"script" if number < 2 else b"home %d" % number, pairs=1)
    call_as("dev_a")
    reading = Reading(room.database, room.experiments, Pages("a secret"))
    exporting = Exporting(room.database, room.experiments, reading, room.vote_store)
    async with exporting.export(EXPERIMENT, "jsonl", "votes") as export:
        rows = [json.loads(line) for line in export.content.splitlines()]
    assert [(row["state"], row["reason"], row["address"]) for row in rows] == [
        ("counted", None, 1),
        ("excluded", "address_limit", 1),
        ("counted", None, 2),
        ("counted", None, 3),
    ]
    for row, vote in zip(rows, await room.cast(), strict=True):
        assert (row["id"], row["preferred"], row["supervised"]) == (vote.id, "espeak:voice-0", False)
        assert {row["clip_a_model"], row["clip_b_model"]} == {"espeak:voice-0", "espeak:voice-1"}
        assert row[f"clip_{row['answer']}_model"] == row["preferred"]
        assert row["spare_seconds"] == pytest.approx(DECIDE_SECONDS)
        assert row["judged_at"] == row["cast_at"]
    assert "address" not in export.content.decode().replace('"address":', "").replace("address_limit", "")


async def test_a_script_is_not_told_that_its_votes_are_left_out(room: Room) -> None:
    await room.begin(prompts=PROMPTS, votes_per_pair=100)
    token = await link(room, 1)
    await prefer_first(room, token, b"script")
    listener = await prefer_first(room, token, b"script", pairs=1)
    seen = await room.listeners.next_pair(token, listener)
    assert (seen.progress.votes_given, seen.progress.pairs_left, seen.progress.open) == (1, PROMPTS - 1, True)


@pytest.mark.parametrize("most", [12, 0])
async def test_with_more_than_half_from_one_address_confidence_is_low_at_most(room: Room, most: int) -> None:
    await room.begin(prompts=PROMPTS, votes_per_pair=100)
    token = await link(room, most)
    for _ in range(12):
        await prefer_first(room, token, b"script")
    results = await verdict(room)
    assert (results.votes.votes, results.votes.excluded, results.votes.largest_address_share) == (48, 0, 1.0)
    assert (results.confidence, results.votes.evidence_level) == (Results.low, Results.low)
    assert results.reasons == [
        "48 of 48 counted votes come from listeners at one address, who may be one person. If more than half come from "
        "one address, confidence is at most low."
    ]


async def test_an_office_of_eight_has_its_verdict_and_says_that_it_was_supervised(room: Room) -> None:
    await room.begin(prompts=PROMPTS, votes_per_pair=8)
    token = await link(room, 0)
    for _ in range(8):
        await prefer_first(room, token, b"office")
    assert (await room.experiment()).status == "completed"
    results = ParseDict(await room.stored_results(), Results())
    assert (results.winner, results.confidence) == ("espeak:voice-0", Results.low)
    assert results.p_winner == 2 / 2**8
    assert (results.votes.supervised, results.votes.votes, results.votes.excluded) == (32, 32, 0)


async def test_eight_people_at_home_reach_high_confidence(room: Room) -> None:
    await room.begin(prompts=PROMPTS, votes_per_pair=8)
    token = await link(room)
    for number in range(8):
        await prefer_first(room, token, b"home %d" % number)
    results = ParseDict(await room.stored_results(), Results())
    assert (results.winner, results.confidence, list(results.reasons)) == ("espeak:voice-0", Results.high, [])
    assert (results.votes.supervised, results.votes.largest_address_share) == (0, 1 / 8)


async def test_an_office_among_people_at_home_is_heard(room: Room) -> None:
    await room.begin(prompts=PROMPTS, votes_per_pair=100)
    office, home = await link(room, 0), await link(room)
    for _ in range(4):
        await prefer_first(room, office, b"office")
    for number in range(4):
        await prefer_first(room, home, b"home %d" % number)
    results = await verdict(room)
    assert (results.confidence, results.votes.largest_address_share) == (Results.high, 0.5)
    assert results.votes.supervised == 4 * PROMPTS


async def test_going_from_address_to_address_divides_nothing(room: Room) -> None:
    await room.begin(prompts=PROMPTS, votes_per_pair=100)
    token = await link(room)
    for number in range(12):
        room.address = b"script"
        listener = (await room.listeners.join(token)).token
        for _ in range(PROMPTS):
            room.address = b"proxy %d" % number
            pair = await room.play(token, listener)
            await room.listeners.vote(token, listener, pair.id, ListenerAnswer(for_first(pair)))
    results = await verdict(room)
    assert (results.votes.listeners, results.votes.excluded) == (3, 36)
    assert results.confidence == Results.inconclusive


async def test_a_session_is_one_listener_of_a_link_wherever_it_comes_from(room: Room) -> None:
    await room.begin(prompts=PROMPTS, votes_per_pair=2)
    token, other = await link(room), await link(room)
    first = await room.listeners.join(token)
    assert first.session == room.sessions.made[0]
    come_with(first.session.voter_id)
    await room.answer(token, first.token)
    room.address = b"another"
    again = await room.listeners.join(token)
    assert (again.token, again.session, again.progress.votes_given) == (first.token, None, 1)
    assert (await room.listeners.join(other)).token != first.token
    come_with(None)
    assert (await room.listeners.join(token)).token != first.token
    assert len(room.sessions.made) == 2


async def test_a_session_that_votes_by_two_links_counts_once(room: Room) -> None:
    await room.begin(prompts=PROMPTS, votes_per_pair=2)
    token, other = await link(room), await link(room)
    come_with("usr_" + "a" * 32)
    await prefer_first(room, token, b"home")
    await prefer_first(room, other, b"office")
    assert [vote.listener for vote in await room.votes()] == [(await room.votes())[0].listener] * PROMPTS
    cast = await room.cast()
    assert [each.doubt for each in cast] == [None] * PROMPTS + ["same_session"] * PROMPTS


async def test_a_link_that_is_no_good_costs_no_session(room: Room) -> None:
    await room.begin()
    token = await link(room)
    for bad in (token[:-1], token[:-1] + ("A" if token[-1] != "A" else "B")):
        with pytest.raises(Unauthenticated):
            await room.listeners.join(bad)
    assert room.sessions.made == []


async def test_one_address_can_not_join_without_end(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (comparing, listeners):
        monkeypatch.setattr(module, "MAX_JOINED_FROM_ADDRESS", 5)
    await room.begin()
    token = await link(room)
    room.address = b"script"
    for _ in range(5):
        await room.listeners.join(token)
    with pytest.raises(QuotaExceeded, match="5 from your address"):
        await room.listeners.join(token)
    room.address = b"home"
    await room.listeners.join(token)


async def test_who_joins_and_never_votes_takes_nobodys_place(room: Room) -> None:
    await room.begin(prompts=1, votes_per_pair=100)
    token = await link(room)
    room.address = b"office"
    for _ in range(20):
        await room.listeners.join(token)
    for _ in range(3):
        await prefer_first(room, token, b"office", pairs=1)
    assert len(await room.votes()) == 3


async def test_somebody_who_answers_one_side_fills_no_pair(room: Room) -> None:
    await room.begin(prompts=12, votes_per_pair=1)
    token = await link(room)
    room.address = b"home"
    listener = (await room.listeners.join(token)).token
    for given in range(11):
        await room.answer(token, listener, "a")
        experiment = await room.experiment()
        assert experiment.votes_received == (given + 1 if given < 9 else 0)
    cast = await room.cast()
    assert {each.state for each in cast} == {VoteState.EXCLUDED}
    # One answer for the other side, and all of it counts again, and completes the pairs.
    await room.answer(token, listener, "b")
    assert (await room.experiment()).status == "completed"
    assert len(await room.votes()) == 12


async def test_votes_of_one_voter_in_two_tabs_are_one_vote(room: Room) -> None:
    await room.begin(prompts=1, votes_per_pair=100)
    token = await link(room)
    room.address = b"home"
    listener = (await room.listeners.join(token)).token
    pair = await room.play(token, listener)
    for _ in range(2):
        await room.listeners.vote(token, listener, pair.id, ListenerAnswer.A)
    assert len(await room.cast()) == 1
    call_as("dev_a")
    assert (await room.only_link()).tally.votes == 1


@pytest.mark.parametrize("most", [-1, 1001])
async def test_a_limit_of_listeners_is_in_its_range(room: Room, most: int) -> None:
    await room.plan()
    with pytest.raises(InvalidInput, match="0 to 1000"):
        await room.links.create(EXPERIMENT, None, "", most)


async def test_a_script_never_gets_above_low_by_whichever_links(room: Room) -> None:
    chance = random.Random(3)
    await room.begin(prompts=2, votes_per_pair=100)
    limits = [await link(room, most) for most in (0, 3, 50)]
    for _ in range(20):
        await prefer_first(room, chance.choice(limits), b"script", pairs=2)
    results = await verdict(room)
    assert results.confidence == Results.low
