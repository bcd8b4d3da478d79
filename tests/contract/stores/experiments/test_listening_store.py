"""The suite for the stores of listening tests and votes."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.experiments.results.domain import counted
from services.experiments.verdict import Vote
from services.runtime.db import Database
from services.shared.listening.domain import (
    Assignment,
    CandidateAudio,
    InvitationTally,
    Listener,
    ListenerAnswer,
    ListeningTest,
    Pair,
    PairKey,
    Preference,
    Side,
)
from services.shared.listening.judging import MAX_JUDGED_VOTES, ExclusionReason, Judgement, VoteState
from services.shared.listening.store import MAX_SENT_PIECES, ListeningStore, SqlListeningStore
from services.shared.listening.vote_store import MAX_PLACE_VOTES, SqlVoteStore, VoteStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TEST = ListeningTest("exp_a", 3, NOON + MINUTE)
KEY = PairKey(0, 0, 1)
HERE, THERE = b"here", b"there"


def listener(id_: str = "lsn_a", **values: object) -> Listener:
    plain = Listener(id=id_, test_id="exp_a", invitation_id="lnk_a", max_listeners_per_address=3, created_at=NOON)
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


def pair(key: PairKey = KEY, **values: object) -> Pair:
    plain = Pair(
        key=key,
        text="Grüße, 你好.",
        first=[CandidateAudio("trl_a.wav", 1.0)],
        second=[CandidateAudio("trl_b.wav", 2.25), CandidateAudio("trl_c.wav", 0.1)],
        target_lufs=-23.5,
    )
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


def assignment(id_: str = "pai_a", key: PairKey = KEY, **values: object) -> Assignment:
    plain = Assignment(
        id=id_,
        test_id="exp_a",
        listener_id="lsn_a",
        key=key,
        first_audio="trl_a.wav",
        second_audio="trl_b.wav",
        swapped=True,
        drawn_from=2,
        target_lufs=-23.5,
        clip_a=f"clp_{id_}_a.wav",
        clip_b=f"clp_{id_}_b.wav",
        a_seconds=1.25,
        b_seconds=2.5,
        shown_at=NOON,
    )
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


async def open_with(database: Database, listening: ListeningStore, *listeners: str) -> None:
    """Opens a test with two pairs, and adds listeners."""
    async with database.transaction() as connection:
        await listening.open(connection, TEST, [pair(), pair(PairKey(1, 0, 1))])
        for each in listeners:
            assert await listening.add_listener(connection, listener(each), 9, 9)


async def assign(database: Database, listening: ListeningStore, *given: Assignment) -> None:
    async with database.transaction() as connection:
        for each in given:
            await listening.add_assignment(connection, each)


async def test_a_reopened_test_keeps_its_votes_and_its_other_pairs_lose_their_audio(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    await open_with(database, listening, "lsn_a")
    await assign(database, listening, assignment())
    async with database.transaction() as connection:
        await votes.add(connection, assignment(), ListenerAnswer.TIE, NOON)
        changed = pair(first=[CandidateAudio("trl_a.wav", 1.0), CandidateAudio("trl_z.wav", 9.5)], target_lufs=-25.0)
        stored = [
            dataclasses.replace(changed, votes=1),
            pair(PairKey(0, 0, 2)),
            pair(PairKey(1, 0, 1), first=[], second=[]),
        ]
        later = ListeningTest("exp_a", 5, NOON + 9 * MINUTE)
        assert await listening.open(connection, later, [changed, pair(PairKey(0, 0, 2))]) == stored
        assert await listening.pairs(connection, "exp_a") == stored
        assert await listening.test(connection, "exp_a") == later
        assert await listening.pairs(connection, "exp_x") == []
        assert [each.first for each in await listening.open(connection, later, [])] == [[], [], []]


async def test_a_test_is_suspended_once_and_keeps_its_votes(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    await open_with(database, listening, "lsn_a")
    await assign(database, listening, assignment())
    async with database.transaction() as connection:
        await votes.add(connection, assignment(), ListenerAnswer.A, NOON)
        assert await listening.suspend(connection, "exp_a")
        assert not await listening.suspend(connection, "exp_a")
        assert not await listening.suspend(connection, "exp_x")
        assert await listening.test(connection, "exp_a") == ListeningTest("exp_a", 3, None)
        assert await listening.test(connection, "exp_x") is None
        assert len(await votes.of_test(connection, "exp_a")) == 1


async def test_forgotten_audio_can_not_be_heard(database: Database, listening: ListeningStore) -> None:
    await open_with(database, listening, "lsn_a")
    await assign(database, listening, assignment())
    async with database.transaction() as connection:
        await listening.open(connection, dataclasses.replace(TEST, id="exp_b"), [pair()])
        await listening.forget_audio(connection, ["exp_a", "exp_x"])
        assert [(each.first, each.second) for each in await listening.pairs(connection, "exp_a")] == [([], [])] * 2
        given = await listening.assignment_of_clip(connection, assignment().clip_a)
        assert given == assignment(first_audio=None, second_audio=None)
        assert await listening.pairs(connection, "exp_b") == [pair()]


async def test_an_open_test_is_overdue_from_its_closing_time_on(database: Database, listening: ListeningStore) -> None:
    async with database.transaction() as connection:
        for id_, closes_at in (("exp_a", NOON + MINUTE), ("exp_b", NOON), ("exp_c", None), ("exp_d", NOON)):
            await listening.open(connection, ListeningTest(id_, 3, closes_at), [])
        await listening.suspend(connection, "exp_d")
        assert await listening.overdue(connection, NOON - MINUTE, 9) == []
        assert await listening.overdue(connection, NOON, 9) == ["exp_b"]
        assert await listening.overdue(connection, NOON + MINUTE, 9) == ["exp_b", "exp_a"]
        assert await listening.overdue(connection, NOON + MINUTE, 1) == ["exp_b"]


async def test_the_number_of_listeners_per_invitation_is_limited(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    async with database.transaction() as connection:
        assert await listening.add_listener(connection, listener("lsn_a"), 2, 9) == listener("lsn_a")
        assert await listening.add_listener(connection, listener("lsn_b"), 2, 9) == listener("lsn_b")
        assert await listening.add_listener(connection, listener("lsn_c"), 2, 9) is None
        elsewhere = listener("lsn_d", invitation_id="lnk_b")
        assert await listening.add_listener(connection, elsewhere, 2, 9) == elsewhere
        in_another = listener("lsn_a", test_id="exp_b")
        assert await listening.add_listener(connection, in_another, 2, 9) == in_another
    async with database.reading() as connection:
        assert await votes.tallies(connection, "exp_a") == {"lnk_a": InvitationTally(2), "lnk_b": InvitationTally(1)}
        assert await listening.listener(connection, "exp_a", "lsn_b") == listener("lsn_b")
        assert await listening.listener(connection, "exp_b", "lsn_a") == in_another
        assert await listening.listener(connection, "exp_a", "lsn_c") is None
        assert await listening.listener(connection, "exp_b", "lsn_b") is None


async def test_a_session_is_one_listener_of_an_invitation(database: Database, listening: ListeningStore) -> None:
    first = listener("lsn_a", voter_id="usr_a", address=HERE)
    async with database.transaction() as connection:
        assert await listening.add_listener(connection, first, 9, 9) == first
        again = dataclasses.replace(first, id="lsn_b", address=THERE)
        assert await listening.add_listener(connection, again, 1, 1) == first
        by_another = dataclasses.replace(again, invitation_id="lnk_b")
        assert await listening.add_listener(connection, by_another, 9, 9) == by_another
        assert await listening.listener(connection, "exp_a", "lsn_b") == by_another
        # Listeners without a session are different people.
        assert await listening.add_listener(connection, listener("lsn_c"), 3, 9) == listener("lsn_c")
        assert await listening.add_listener(connection, listener("lsn_d"), 3, 9) == listener("lsn_d")
        assert await listening.add_listener(connection, listener("lsn_e"), 3, 9) is None


async def test_the_number_of_listeners_per_address_is_limited(database: Database, listening: ListeningStore) -> None:
    async with database.transaction() as connection:
        for id_ in ("lsn_a", "lsn_b"):
            assert await listening.add_listener(connection, listener(id_, address=HERE), 9, 2)
        assert not await listening.add_listener(connection, listener("lsn_c", address=HERE), 9, 2)
        assert await listening.add_listener(connection, listener("lsn_d", address=THERE), 9, 2)
        assert await listening.add_listener(connection, listener("lsn_e"), 9, 0)


async def test_assignments_are_found_by_listener_and_by_clip(database: Database, listening: ListeningStore) -> None:
    await open_with(database, listening, "lsn_a", "lsn_b")
    second = assignment("pai_b", PairKey(1, 0, 1), swapped=False)
    others = assignment("pai_c", listener_id="lsn_b")
    await assign(database, listening, second, assignment(), others)
    async with database.transaction() as connection:
        await listening.show_again(connection, "pai_b", NOON + MINUTE)
        shown = dataclasses.replace(second, shown_at=NOON + MINUTE)
        assert await listening.assignments(connection, "exp_a", "lsn_a") == [assignment(), shown]
        assert await listening.assignment_of_clip(connection, second.clip_b) == shown
        assert await listening.assignment_of_clip(connection, "clp_x.wav") is None


async def test_assignments_are_pending_until_answered_or_shown_too_long_ago(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    await open_with(database, listening, "lsn_a", "lsn_b", "lsn_c")
    await assign(
        database,
        listening,
        assignment(shown_at=NOON),
        assignment("pai_b", listener_id="lsn_b", shown_at=NOON + MINUTE),
        assignment("pai_c", listener_id="lsn_c", shown_at=NOON + 2 * MINUTE),
        assignment("pai_d", PairKey(1, 0, 1), shown_at=NOON + 2 * MINUTE),
    )
    async with database.transaction() as connection:
        assert await listening.pending_assignments(connection, "exp_a", NOON) == {KEY: 2, PairKey(1, 0, 1): 1}
        await votes.add(connection, assignment("pai_c", listener_id="lsn_c"), ListenerAnswer.A, NOON)
        assert await listening.pending_assignments(connection, "exp_a", NOON) == {KEY: 1, PairKey(1, 0, 1): 1}
        assert await listening.pending_assignments(connection, "exp_x", NOON) == {}


async def test_a_clip_is_sent_once_its_ranges_cover_it(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    await open_with(database, listening, "lsn_a")
    await assign(database, listening, assignment())

    async def add(side: Side, start: int, end: int, minutes: int) -> Assignment:
        async with database.transaction() as connection:
            await listening.add_sent(connection, "pai_a", side, (start, end), 100, NOON + minutes * MINUTE)
            (found,) = await listening.assignments(connection, "exp_a", "lsn_a")
        return found

    assert await add(Side.A, 0, 2, 0) == assignment()
    assert await add(Side.A, 60, 100, 1) == assignment()
    assert await add(Side.A, 3, 60, 2) == assignment(), "one byte is missing"
    assert await add(Side.B, 0, 100, 3) == assignment(b_sent_at=NOON + 3 * MINUTE)
    sent = assignment(a_sent_at=NOON + 4 * MINUTE, b_sent_at=NOON + 3 * MINUTE)
    assert await add(Side.A, 1, 70, 4) == sent
    assert await add(Side.A, 0, 100, 5) == sent, "the first complete time counts"


async def test_too_many_separate_ranges_are_not_stored(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    await open_with(database, listening, "lsn_a")
    await assign(database, listening, assignment())
    async with database.transaction() as connection:
        for start in range(0, 4 * MAX_SENT_PIECES, 2):
            await listening.add_sent(connection, "pai_a", Side.A, (start, start + 1), 1000, NOON)
        for start in range(1, 4 * MAX_SENT_PIECES, 2):
            await listening.add_sent(connection, "pai_a", Side.A, (start, start + 1), 1000, NOON)
        await listening.add_sent(connection, "pai_a", Side.A, (2 * MAX_SENT_PIECES, 1000), 1000, NOON + MINUTE)
        assert await listening.assignments(connection, "exp_a", "lsn_a") == [assignment(a_sent_at=NOON + MINUTE)]


async def test_a_vote_counts_for_its_pair_and_invitation_and_names_models_instead_of_sides(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    await open_with(database, listening, "lsn_a", "lsn_b")
    given = assignment(), assignment("pai_b", PairKey(1, 0, 1), swapped=False), assignment("pai_c", listener_id="lsn_b")
    await assign(database, listening, *given)
    async with database.transaction() as connection:
        for each, answer in zip(given, ("a", "b", "both_bad"), strict=True):
            await votes.add(connection, each, ListenerAnswer(answer), NOON)
        assert counted(await votes.of_test(connection, "exp_a")) == [
            Vote("lsn_a", 0, 0, 1, Preference.SECOND),
            Vote("lsn_a", 1, 0, 1, Preference.SECOND),
            Vote("lsn_b", 0, 0, 1, Preference.BOTH_BAD),
        ]
        assert await votes.of_test(connection, "exp_x") == []
        assert [each.votes for each in await listening.pairs(connection, "exp_a")] == [2, 1]
        assert await votes.tallies(connection, "exp_a") == {"lnk_a": InvitationTally(2, 3)}
        answers = [each.answer for each in await listening.assignments(connection, "exp_a", "lsn_a")]
        assert answers == [ListenerAnswer.A, ListenerAnswer.B]


async def test_a_listener_votes_once_on_a_pair(database: Database, listening: ListeningStore, votes: VoteStore) -> None:
    await open_with(database, listening, "lsn_a")
    await assign(database, listening, assignment())
    async with database.transaction() as connection:
        await votes.add(connection, assignment(), ListenerAnswer.A, NOON)
    with pytest.raises(IntegrityError):
        async with database.transaction() as connection:
            await votes.add(connection, assignment(), ListenerAnswer.B, NOON)


async def test_a_vote_counts_until_it_is_judged_and_its_last_state_applies(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    await open_with(database, listening, "lsn_a", "lsn_b")
    await assign(
        database,
        listening,
        assignment(a_sent_at=NOON, b_sent_at=NOON + MINUTE),
        assignment("pai_b", listener_id="lsn_b"),
    )

    async def counts() -> tuple[int, int, int]:
        tally = (await votes.tallies(connection, "exp_a"))["lnk_a"]
        return (await listening.pairs(connection, "exp_a"))[0].votes, tally.votes, tally.excluded_votes

    async with database.transaction() as connection:
        await votes.add(connection, assignment(), ListenerAnswer.A, NOON + 2 * MINUTE, HERE)
        await votes.add(connection, assignment("pai_b", listener_id="lsn_b"), ListenerAnswer.B, NOON, None)
        first, second = await votes.of_test(connection, "exp_a")
        assert (first.state, first.exclusion_reason, first.counts, first.judged_at) == (
            VoteState.UNKNOWN,
            None,
            True,
            None,
        )
        assert (first.address, first.joined_from, first.supervised, first.cast_at) == (
            HERE,
            None,
            False,
            NOON + 2 * MINUTE,
        )
        assert (first.ready_at, second.ready_at) == (NOON + timedelta(seconds=62.5), None)
        assert await counts() == (2, 2, 0)
        await votes.judge(connection, [Judgement(first, None), Judgement(second, ExclusionReason.ADDRESS_LIMIT)], NOON)
        assert await counts() == (1, 2, 1)
        (second,) = await votes.of_listener(connection, listener("lsn_b"))
        assert (second.state, second.exclusion_reason, second.judged_at) == (
            VoteState.EXCLUDED,
            ExclusionReason.ADDRESS_LIMIT,
            NOON,
        )
        assert [vote.listener for vote in counted(await votes.of_test(connection, "exp_a"))] == ["lsn_a"]
        await votes.judge(connection, [Judgement(second, ExclusionReason.ONE_SIDE)], NOON)
        assert await counts() == (1, 2, 1)
        (second,) = await votes.of_listener(connection, listener("lsn_b"))
        await votes.judge(connection, [Judgement(second, None)], NOON + MINUTE)
        assert await counts() == (2, 2, 0)
        (second,) = await votes.of_listener(connection, listener("lsn_b"))
        assert (second.state, second.exclusion_reason, second.judged_at) == (VoteState.COUNTED, None, NOON + MINUTE)


async def test_listeners_hold_places_where_they_joined_and_voted_unless_the_limit_excluded_them(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    joined = {
        "a": listener("lsn_a", voter_id="usr_d", address=HERE),
        "b": listener("lsn_b", voter_id="usr_b", address=THERE),
        "c": listener("lsn_c", voter_id="usr_c", address=HERE),
        "d": listener("lsn_d", voter_id="usr_d", address=HERE, invitation_id="lnk_b"),
    }
    new, by_another = listener("lsn_x"), listener("lsn_x", invitation_id="lnk_b")
    async with database.transaction() as connection:
        await listening.open(connection, TEST, [pair()])
        for each in joined.values():
            assert await listening.add_listener(connection, each, 9, 9)
        # Only voters hold places.
        assert not await votes.places(connection, new, HERE)
        for each in joined.values():
            given = assignment(f"pai_{each.id}", listener_id=each.id)
            await listening.add_assignment(connection, given)
            await votes.add(connection, given, ListenerAnswer.A, NOON, HERE if each.id == "lsn_b" else None)
        assert set(await votes.places(connection, new, HERE)) == {"lsn_a", "lsn_b", "lsn_c"}
        assert set(await votes.places(connection, joined["a"], HERE)) == {"lsn_b", "lsn_c"}
        assert set(await votes.places(connection, new, THERE)) == {"lsn_b"}
        assert set(await votes.places(connection, by_another, HERE)) == {"lsn_d"}
        # An invitation holds in all tests.
        in_another_test = listener("lsn_x", test_id="exp_b")
        assert set(await votes.places(connection, in_another_test, HERE)) == {"lsn_a", "lsn_b", "lsn_c"}
        assert not await votes.places(connection, new, HERE, since=NOON)
        assert len(await votes.places(connection, new, HERE, since=NOON - MINUTE)) == 3
        assert not await votes.places(connection, new, HERE, before=NOON)
        assert len(await votes.places(connection, new, HERE, before=NOON + MINUTE)) == 3
        assert set(await votes.same_session(connection, joined["a"])) == {"lsn_d"}
        assert not await votes.same_session(connection, joined["b"])
        assert not await votes.same_session(connection, new)

        (of_c,), (of_d,) = [await votes.of_listener(connection, joined[name]) for name in "cd"]
        await votes.judge(
            connection,
            [Judgement(of_c, ExclusionReason.ADDRESS_LIMIT), Judgement(of_d, ExclusionReason.SAME_SESSION)],
            NOON,
        )
        assert set(await votes.places(connection, new, HERE)) == {"lsn_a", "lsn_b"}
        assert not await votes.same_session(connection, joined["a"])
        (of_a,) = await votes.of_listener(connection, joined["a"])
        await votes.judge(connection, [Judgement(of_a, ExclusionReason.ONE_SIDE)], NOON)
        assert set(await votes.places(connection, new, HERE)) == {"lsn_a", "lsn_b"}
        assert set(await votes.same_session(connection, joined["d"])) == {"lsn_a"}


async def test_the_votes_of_a_listener_are_those_by_one_invitation_in_all_tests(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    async with database.transaction() as connection:
        for test_id, invitation_id, listener_id in (
            ("exp_b", "lnk_a", "lsn_a"),
            ("exp_c", "lnk_b", "lsn_a"),
            ("exp_d", "lnk_a", "lsn_b"),
            ("exp_a", "lnk_a", "lsn_a"),
        ):
            await listening.open(connection, dataclasses.replace(TEST, id=test_id), [pair()])
            joined = listener(listener_id, test_id=test_id, invitation_id=invitation_id)
            assert await listening.add_listener(connection, joined, 9, 9)
            given = assignment(f"pai_{test_id}", test_id=test_id, listener_id=listener_id)
            await listening.add_assignment(connection, given)
            await votes.add(connection, given, ListenerAnswer.A, NOON)
        await votes.lock_listener(connection, listener())
        await votes.lock_addresses(connection, listener(), [THERE, HERE])
        assert [vote.test_id for vote in await votes.of_listener(connection, listener())] == ["exp_b", "exp_a"]


async def test_only_the_last_votes_of_a_listener_are_judged_together(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    async with database.transaction() as connection:
        await listening.open(connection, TEST, [pair(PairKey(n, 0, 1)) for n in range(MAX_JUDGED_VOTES + 1)])
        assert await listening.add_listener(connection, listener(), 9, 9)
        for number in range(MAX_JUDGED_VOTES + 1):
            given = assignment(f"pai_{number}", PairKey(number, 0, 1))
            await listening.add_assignment(connection, given)
            await votes.add(connection, given, ListenerAnswer.A, NOON)
        found = await votes.of_listener(connection, listener())
        assert [vote.id for vote in found] == [f"pai_{number}" for number in range(1, MAX_JUDGED_VOTES + 1)]


async def test_places_that_expire_are_found_by_the_last_votes_at_an_address(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    async with database.transaction() as connection:
        await listening.open(connection, TEST, [pair(PairKey(n, 0, 1)) for n in range(MAX_PLACE_VOTES)])
        for each in (listener("lsn_a"), listener("lsn_b")):
            assert await listening.add_listener(connection, each, 9, 9)
        first = assignment("pai_a", listener_id="lsn_a")
        await listening.add_assignment(connection, first)
        await votes.add(connection, first, ListenerAnswer.A, NOON, HERE)
        for number in range(MAX_PLACE_VOTES):
            given = assignment(f"pai_{number}", PairKey(number, 0, 1), listener_id="lsn_b")
            await listening.add_assignment(connection, given)
            await votes.add(connection, given, ListenerAnswer.A, NOON + timedelta(seconds=1 + number), HERE)
        assert set(await votes.places(connection, listener("lsn_x"), HERE)) == {"lsn_a", "lsn_b"}
        assert set(await votes.places(connection, listener("lsn_x"), HERE, since=NOON - MINUTE)) == {"lsn_b"}


async def test_removing_a_test_removes_everything_about_it(
    database: Database, listening: ListeningStore, votes: VoteStore
) -> None:
    await open_with(database, listening, "lsn_a")
    await assign(database, listening, assignment())
    other = dataclasses.replace(TEST, id="exp_b")
    async with database.transaction() as connection:
        await votes.add(connection, assignment(), ListenerAnswer.A, NOON)
        (vote,) = await votes.of_test(connection, "exp_a")
        await votes.judge(connection, [Judgement(vote, None)], NOON)
        await listening.open(connection, other, [pair()])
        assert await listening.add_listener(connection, listener(test_id="exp_b"), 9, 9)
        await listening.remove(connection, "exp_a")
        await listening.remove(connection, "exp_x")
        assert await listening.test(connection, "exp_a") is None
        assert await listening.pairs(connection, "exp_a") == []
        assert await listening.listener(connection, "exp_a", "lsn_a") is None
        assert await listening.assignments(connection, "exp_a", "lsn_a") == []
        assert await votes.of_test(connection, "exp_a") == []
        assert await listening.test(connection, "exp_b") == other
        assert await listening.pairs(connection, "exp_b") == [pair()]
        assert await listening.listener(connection, "exp_b", "lsn_a") == listener(test_id="exp_b")


async def test_votes_and_their_states_can_not_be_updated(emptied_schema: Database) -> None:
    listening, votes = SqlListeningStore(), SqlVoteStore()
    await open_with(emptied_schema, listening, "lsn_a")
    await assign(emptied_schema, listening, assignment())
    async with emptied_schema.transaction() as connection:
        await votes.add(connection, assignment(), ListenerAnswer.A, NOON)
        (vote,) = await votes.of_test(connection, "exp_a")
        await votes.judge(connection, [Judgement(vote, None)], NOON)
    with pytest.raises(DBAPIError, match="votes are not changed"):
        async with emptied_schema.transaction() as connection:
            await connection.execute(sa.text("UPDATE listening_votes SET answer = 'b'"))
    with pytest.raises(DBAPIError, match="states of votes are not changed"):
        async with emptied_schema.transaction() as connection:
            await connection.execute(sa.text("UPDATE listening_vote_states SET state = 'unknown'"))
    async with emptied_schema.transaction() as connection:
        await listening.remove(connection, "exp_a")
        for name in ("tests", "listeners", "pairs", "assignments", "votes", "vote_states"):
            assert (await connection.execute(sa.text(f"SELECT count(*) FROM listening_{name}"))).scalar() == 0
