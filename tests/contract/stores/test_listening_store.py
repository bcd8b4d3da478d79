"""What the stores of listening have in common."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.experiments.domain import EvalMode, Experiment, ExperimentStatus, ModelSpec
from services.experiments.listening.domain import Assignment, Link, Listener, ListenerAnswer, Pair, PairKey, Side
from services.experiments.listening.judging import Doubt, Judgement, VoteState
from services.experiments.listening.panels import counted
from services.experiments.listening.store import MAX_SENT_PIECES, ListeningStore, SqlListeningStore
from services.experiments.store import SqlStore
from services.experiments.verdict import Answer, Vote
from services.runtime.db import Database
from services.runtime.request_ids import Earlier
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_experiments_store import MemoryExperimentsStore
from tests.fakes.memory_listening_store import MemoryListeningStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY = PairKey(0, 0, 1)
HERE, THERE = b"here", b"there"


@pytest.fixture
def service() -> str:
    return "experiments"


@pytest.fixture
def store(database: Database) -> ListeningStore:
    return MemoryListeningStore() if isinstance(database, MemoryDatabase) else SqlListeningStore()


async def add_experiment(database: Database, id_: str = "exp_a", **values: object) -> None:
    experiments = MemoryExperimentsStore() if isinstance(database, MemoryDatabase) else SqlStore()
    plain = Experiment(
        id=id_,
        developer_id="dev_a",
        name="a comparison",
        scenario="general",
        eval_mode=EvalMode.HUMAN,
        status=ExperimentStatus.RUNNING,
        models=[ModelSpec("espeak", "en"), ModelSpec("espeak", "de")],
        prompts=["Hello.", "Bye."],
        webhook_url="",
        primary_metric="composite",
        audio_retention_days=30,
        total_trials=4,
        created_at=NOON,
    )
    async with database.transaction() as connection:
        assert await experiments.add(connection, dataclasses.replace(plain, **values), "")  # type: ignore[arg-type]


def link(id_: str = "lnk_a", *, minutes: int = 0, of: str = "exp_a") -> Link:
    return Link(
        id=id_,
        experiment_id=of,
        developer_id="dev_a",
        expires_at=NOON + timedelta(days=1),
        created_at=NOON + minutes * MINUTE,
    )


def listener(id_: str = "lsn_a", *, of: str = "exp_a") -> Listener:
    return Listener(id=id_, link_id="lnk_a", experiment_id=of, created_at=NOON)


def pair(key: PairKey = KEY, **values: object) -> Pair:
    plain = Pair(key=key, first_trials=["trl_a"], second_trials=["trl_b", "trl_c"], target_lufs=-23.5)
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


def assignment(id_: str = "pai_a", key: PairKey = KEY, **values: object) -> Assignment:
    plain = Assignment(
        id=id_,
        experiment_id="exp_a",
        listener_id="lsn_a",
        link_id="lnk_a",
        key=key,
        first_trial="trl_a",
        second_trial="trl_b",
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


async def seat(database: Database, store: ListeningStore, *listeners: str) -> None:
    """Adds an experiment, a link, listeners and two pairs."""
    await add_experiment(database)
    async with database.transaction() as connection:
        await store.add_link(connection, link(), "")
        for each in listeners:
            assert await store.add_listener(connection, listener(each), 9, 9)
        await store.put_pairs(connection, "exp_a", [pair(), pair(PairKey(1, 0, 1))])


async def give(database: Database, store: ListeningStore, *given: Assignment) -> None:
    async with database.transaction() as connection:
        for each in given:
            await store.add_assignment(connection, each)


async def test_links_are_listed_newest_first(database: Database, store: ListeningStore) -> None:
    await add_experiment(database)
    await add_experiment(database, "exp_b")
    async with database.transaction() as connection:
        for each in (link("lnk_a"), link("lnk_c", minutes=1), link("lnk_b", minutes=1), link("lnk_d", of="exp_b")):
            assert await store.add_link(connection, each, "")
    async with database.reading() as connection:
        found = await store.links(connection, "exp_a")
        assert found == [link("lnk_c", minutes=1), link("lnk_b", minutes=1), link("lnk_a")]
        assert await store.links(connection, "exp_a", limit=1) == found[:1]
        assert await store.links(connection, "exp_a", after=(NOON + MINUTE, "lnk_c")) == found[1:]
        assert await store.link(connection, "lnk_d") == link("lnk_d", of="exp_b")
        assert await store.link(connection, "lnk_x") is None


async def test_a_request_makes_one_link_per_experiment(database: Database, store: ListeningStore) -> None:
    await add_experiment(database)
    await add_experiment(database, "exp_b")
    async with database.transaction() as connection:
        assert await store.add_link(connection, link(), "once", b"fingerprint")
        assert not await store.add_link(connection, link("lnk_b"), "once")
        assert await store.add_link(connection, link("lnk_c", of="exp_b"), "once")
    async with database.reading() as connection:
        assert await store.link_of_request(connection, "exp_a", "once") == Earlier(
            link(), b"fingerprint", link().created_at
        )
        assert await store.link_of_request(connection, "exp_a", "twice") is None
        assert len(await store.links(connection, "exp_a")) == 1


async def test_a_link_is_revoked_once(database: Database, store: ListeningStore) -> None:
    await add_experiment(database)
    async with database.transaction() as connection:
        await store.add_link(connection, link(), "")
        revoked = dataclasses.replace(link(), revoked_at=NOON + MINUTE)
        assert await store.revoke_link(connection, "lnk_a", NOON + MINUTE) == revoked
        assert await store.revoke_link(connection, "lnk_a", NOON + 2 * MINUTE) == revoked
        assert await store.revoke_link(connection, "lnk_x", NOON) is None


async def test_a_link_counts_its_listeners_and_takes_no_more_than_it_may(
    database: Database, store: ListeningStore
) -> None:
    await add_experiment(database)
    async with database.transaction() as connection:
        await store.add_link(connection, link(), "")
        assert await store.add_listener(connection, listener("lsn_a"), 2, 9)
        assert await store.add_listener(connection, listener("lsn_b"), 2, 9)
        assert not await store.add_listener(connection, listener("lsn_c"), 2, 9)
    async with database.reading() as connection:
        assert await store.link(connection, "lnk_a") == dataclasses.replace(link(), listeners=2)
        assert await store.listener(connection, "lsn_b") == listener("lsn_b")
        assert await store.listener(connection, "lsn_c") is None


async def test_pairs_that_are_put_again_keep_their_votes_and_the_others_are_silent(
    database: Database, store: ListeningStore
) -> None:
    await seat(database, store, "lsn_a")
    await give(database, store, assignment())
    async with database.transaction() as connection:
        await store.add_vote(connection, assignment(), ListenerAnswer.TIE, NOON)
        changed = pair(first_trials=["trl_a", "trl_z"], target_lufs=-25.0)
        await store.put_pairs(connection, "exp_a", [changed, pair(PairKey(0, 0, 2))])
        assert await store.pairs(connection, "exp_a") == [
            dataclasses.replace(changed, votes=1),
            pair(PairKey(0, 0, 2)),
            pair(PairKey(1, 0, 1), first_trials=[], second_trials=[]),
        ]
        assert await store.pairs(connection, "exp_x") == []
        await store.put_pairs(connection, "exp_a", [])
        assert [each.first_trials for each in await store.pairs(connection, "exp_a")] == [[], [], []]


async def test_what_a_listener_was_given_is_found_again(database: Database, store: ListeningStore) -> None:
    await seat(database, store, "lsn_a", "lsn_b")
    second = assignment("pai_b", PairKey(1, 0, 1), swapped=False)
    others = assignment("pai_c", listener_id="lsn_b")
    await give(database, store, second, assignment(), others)
    async with database.transaction() as connection:
        await store.show_again(connection, "pai_b", NOON + MINUTE)
        shown = dataclasses.replace(second, shown_at=NOON + MINUTE)
        assert await store.assignments(connection, "lsn_a") == [assignment(), shown]
        assert await store.assignment_of_clip(connection, second.clip_b) == shown
        assert await store.assignment_of_clip(connection, "clp_x.wav") is None


async def test_a_pair_is_held_until_it_is_answered_or_was_shown_too_long_ago(
    database: Database, store: ListeningStore
) -> None:
    await seat(database, store, "lsn_a", "lsn_b", "lsn_c")
    await give(
        database,
        store,
        assignment(shown_at=NOON),
        assignment("pai_b", listener_id="lsn_b", shown_at=NOON + MINUTE),
        assignment("pai_c", listener_id="lsn_c", shown_at=NOON + 2 * MINUTE),
        assignment("pai_d", PairKey(1, 0, 1), shown_at=NOON + 2 * MINUTE),
    )
    async with database.transaction() as connection:
        assert await store.held(connection, "exp_a", NOON) == {KEY: 2, PairKey(1, 0, 1): 1}
        await store.add_vote(connection, assignment("pai_c", listener_id="lsn_c"), ListenerAnswer.A, NOON)
        assert await store.held(connection, "exp_a", NOON) == {KEY: 1, PairKey(1, 0, 1): 1}
        assert await store.held(connection, "exp_x", NOON) == {}


async def test_a_clip_has_gone_out_at_the_moment_at_which_its_pieces_cover_it(
    database: Database, store: ListeningStore
) -> None:
    await seat(database, store, "lsn_a")
    await give(database, store, assignment())

    async def add(side: Side, start: int, end: int, minutes: int) -> Assignment:
        async with database.transaction() as connection:
            await store.add_sent(connection, "pai_a", side, (start, end), 100, NOON + minutes * MINUTE)
            (found,) = await store.assignments(connection, "lsn_a")
        return found

    assert await add(Side.A, 0, 2, 0) == assignment()
    assert await add(Side.A, 60, 100, 1) == assignment()
    assert await add(Side.A, 3, 60, 2) == assignment(), "one byte is missing"
    assert await add(Side.B, 0, 100, 3) == assignment(b_sent_at=NOON + 3 * MINUTE)
    sent = assignment(a_sent_at=NOON + 4 * MINUTE, b_sent_at=NOON + 3 * MINUTE)
    assert await add(Side.A, 1, 70, 4) == sent
    assert await add(Side.A, 0, 100, 5) == sent, "the first time counts"


async def test_what_goes_out_in_hundreds_of_pieces_is_not_kept_until_it_comes_whole(
    database: Database, store: ListeningStore
) -> None:
    await seat(database, store, "lsn_a")
    await give(database, store, assignment())
    async with database.transaction() as connection:
        for start in range(0, 4 * MAX_SENT_PIECES, 2):
            await store.add_sent(connection, "pai_a", Side.A, (start, start + 1), 1000, NOON)
        for start in range(1, 4 * MAX_SENT_PIECES, 2):
            await store.add_sent(connection, "pai_a", Side.A, (start, start + 1), 1000, NOON)
        await store.add_sent(connection, "pai_a", Side.A, (2 * MAX_SENT_PIECES, 1000), 1000, NOON + MINUTE)
        assert await store.assignments(connection, "lsn_a") == [assignment(a_sent_at=NOON + MINUTE)]


async def test_a_vote_is_counted_at_its_pair_and_link_and_told_of_models_rather_than_sides(
    database: Database, store: ListeningStore
) -> None:
    await seat(database, store, "lsn_a", "lsn_b")
    given = assignment(), assignment("pai_b", PairKey(1, 0, 1), swapped=False), assignment("pai_c", listener_id="lsn_b")
    await give(database, store, *given)
    async with database.transaction() as connection:
        for each, answer in zip(given, ("a", "b", "both_bad"), strict=True):
            await store.add_vote(connection, each, ListenerAnswer(answer), NOON)
        assert counted(await store.cast(connection, "exp_a")) == [
            Vote("lsn_a", 0, 0, 1, Answer.SECOND),
            Vote("lsn_a", 1, 0, 1, Answer.SECOND),
            Vote("lsn_b", 0, 0, 1, Answer.BOTH_BAD),
        ]
        assert await store.cast(connection, "exp_x") == []
        assert [each.votes for each in await store.pairs(connection, "exp_a")] == [2, 1]
        found = await store.link(connection, "lnk_a")
        assert found is not None
        assert (found.votes, found.listeners) == (3, 2)
        answers = [each.answer for each in await store.assignments(connection, "lsn_a")]
        assert answers == [ListenerAnswer.A, ListenerAnswer.B]


async def test_a_session_is_one_listener_of_a_link(database: Database, store: ListeningStore) -> None:
    await add_experiment(database)
    first = dataclasses.replace(listener("lsn_a"), voter_id="usr_a", address=HERE)
    async with database.transaction() as connection:
        await store.add_link(connection, link("lnk_a"), "")
        await store.add_link(connection, link("lnk_b"), "")
        assert await store.add_listener(connection, first, 9, 9) == first
        again = dataclasses.replace(first, id="lsn_b", address=THERE)
        assert await store.add_listener(connection, again, 1, 1) == first
        by_another = dataclasses.replace(again, link_id="lnk_b")
        assert await store.add_listener(connection, by_another, 9, 9) == by_another
        assert await store.listener(connection, "lsn_b") == by_another
        # Those of before there were sessions are not one and the same.
        assert await store.add_listener(connection, listener("lsn_c"), 9, 9) == listener("lsn_c")
        assert await store.add_listener(connection, listener("lsn_d"), 9, 9) == listener("lsn_d")
        found = await store.link(connection, "lnk_a")
        assert found is not None
        assert found.listeners == 3


async def test_so_many_may_join_by_a_link_from_an_address(database: Database, store: ListeningStore) -> None:
    await add_experiment(database)
    async with database.transaction() as connection:
        await store.add_link(connection, link("lnk_a"), "")
        for id_ in ("lsn_a", "lsn_b"):
            assert await store.add_listener(connection, dataclasses.replace(listener(id_), address=HERE), 9, 2)
        assert not await store.add_listener(connection, dataclasses.replace(listener("lsn_c"), address=HERE), 9, 2)
        assert await store.add_listener(connection, dataclasses.replace(listener("lsn_d"), address=THERE), 9, 2)
        assert await store.add_listener(connection, listener("lsn_e"), 9, 0)


async def test_a_vote_counts_until_it_is_judged_and_its_last_state_holds(
    database: Database, store: ListeningStore
) -> None:
    await seat(database, store, "lsn_a", "lsn_b")
    await give(
        database, store, assignment(a_sent_at=NOON, b_sent_at=NOON + MINUTE), assignment("pai_b", listener_id="lsn_b")
    )

    async def counts() -> tuple[int, int, int]:
        found = await store.link(connection, "lnk_a")
        assert found is not None
        return (await store.pairs(connection, "exp_a"))[0].votes, found.votes, found.excluded_votes

    async with database.transaction() as connection:
        await store.add_vote(connection, assignment(), ListenerAnswer.A, NOON + 2 * MINUTE, HERE)
        await store.add_vote(connection, assignment("pai_b", listener_id="lsn_b"), ListenerAnswer.B, NOON, None)
        first, second = await store.cast(connection, "exp_a")
        assert (first.state, first.doubt, first.counts, first.judged_at) == (VoteState.UNKNOWN, None, True, None)
        assert (first.address, first.joined_from, first.supervised, first.cast_at) == (
            HERE,
            None,
            False,
            NOON + 2 * MINUTE,
        )
        assert (first.ready_at, second.ready_at) == (NOON + timedelta(seconds=62.5), None)
        assert await counts() == (2, 2, 0)
        await store.judge(connection, [Judgement(first, None), Judgement(second, Doubt.ADDRESS_LIMIT)], NOON)
        assert await counts() == (1, 2, 1)
        (second,) = await store.cast(connection, "exp_a", "lsn_b")
        assert (second.state, second.doubt, second.judged_at) == (VoteState.EXCLUDED, Doubt.ADDRESS_LIMIT, NOON)
        assert [vote.listener for vote in counted(await store.cast(connection, "exp_a"))] == ["lsn_a"]
        await store.judge(connection, [Judgement(second, Doubt.ONE_SIDE)], NOON)
        assert await counts() == (1, 2, 1)
        (second,) = await store.cast(connection, "exp_a", "lsn_b")
        await store.judge(connection, [Judgement(second, None)], NOON + MINUTE)
        assert await counts() == (2, 2, 0)
        (second,) = await store.cast(connection, "exp_a", "lsn_b")
        assert (second.state, second.doubt, second.judged_at) == (VoteState.COUNTED, None, NOON + MINUTE)


async def test_listeners_hold_places_where_they_joined_and_voted_unless_they_were_one_too_many(
    database: Database, store: ListeningStore
) -> None:
    await add_experiment(database)
    seats = {"lsn_a": HERE, "lsn_b": THERE, "lsn_c": HERE, "lsn_d": HERE}
    async with database.transaction() as connection:
        for id_ in ("lnk_a", "lnk_b"):
            await store.add_link(connection, link(id_), "")
        for id_, joined_from in seats.items():
            of = "lnk_b" if id_ == "lsn_d" else "lnk_a"
            voter_id = "usr_d" if id_ == "lsn_a" else f"usr_{id_[-1]}"
            each = dataclasses.replace(listener(id_), link_id=of, voter_id=voter_id, address=joined_from)
            assert await store.add_listener(connection, each, 9, 9)
        await store.put_pairs(connection, "exp_a", [pair()])
        # Nobody has voted, so nobody holds a place.
        assert not await store.places(connection, "lnk_a", HERE, besides="")
        for id_ in seats:
            given = assignment(f"pai_{id_}", listener_id=id_, link_id="lnk_b" if id_ == "lsn_d" else "lnk_a")
            await store.add_assignment(connection, given)
            await store.add_vote(connection, given, ListenerAnswer.A, NOON, HERE if id_ == "lsn_b" else None)
        assert set(await store.places(connection, "lnk_a", HERE, besides="")) == {"lsn_a", "lsn_b", "lsn_c"}
        assert set(await store.places(connection, "lnk_a", HERE, besides="lsn_a")) == {"lsn_b", "lsn_c"}
        assert set(await store.places(connection, "lnk_a", THERE, besides="")) == {"lsn_b"}
        assert set(await store.places(connection, "lnk_b", HERE, besides="")) == {"lsn_d"}
        assert set(await store.same_session(connection, "lsn_a")) == {"lsn_d"}
        assert not await store.same_session(connection, "lsn_b")

        (of_c,), (of_d,) = (
            await store.cast(connection, "exp_a", "lsn_c"),
            await store.cast(connection, "exp_a", "lsn_d"),
        )
        await store.judge(connection, [Judgement(of_c, Doubt.ADDRESS_LIMIT), Judgement(of_d, Doubt.SAME_SESSION)], NOON)
        assert set(await store.places(connection, "lnk_a", HERE, besides="")) == {"lsn_a", "lsn_b"}
        assert not await store.same_session(connection, "lsn_a")
        (of_a,) = await store.cast(connection, "exp_a", "lsn_a")
        await store.judge(connection, [Judgement(of_a, Doubt.ONE_SIDE)], NOON)
        assert set(await store.places(connection, "lnk_a", HERE, besides="")) == {"lsn_a", "lsn_b"}
        assert set(await store.same_session(connection, "lsn_d")) == {"lsn_a"}


async def test_a_session_that_joins_many_times_at_once_is_one_listener(emptied_schema: Database) -> None:
    store = SqlListeningStore()
    await add_experiment(emptied_schema)
    async with emptied_schema.transaction() as connection:
        await store.add_link(connection, link(), "")

    async def join(number: int) -> str:
        each = dataclasses.replace(listener(f"lsn_{number}"), voter_id="usr_a")
        async with emptied_schema.transaction() as connection:
            joined = await store.add_listener(connection, each, 9, 9)
        assert joined is not None
        return joined.id

    assert len(set(await asyncio.gather(*map(join, range(5))))) == 1
    async with emptied_schema.reading() as connection:
        found = await store.link(connection, "lnk_a")
        assert found is not None
        assert found.listeners == 1


async def test_a_listener_votes_once_on_a_pair(database: Database, store: ListeningStore) -> None:
    await seat(database, store, "lsn_a")
    await give(database, store, assignment())
    async with database.transaction() as connection:
        await store.add_vote(connection, assignment(), ListenerAnswer.A, NOON)
    with pytest.raises(IntegrityError):
        async with database.transaction() as connection:
            await store.add_vote(connection, assignment(), ListenerAnswer.B, NOON)


async def test_listening_is_overdue_from_the_moment_at_which_it_ends(database: Database, store: ListeningStore) -> None:
    await add_experiment(database, "exp_a", listening_until=NOON + MINUTE)
    await add_experiment(database, "exp_b", listening_until=NOON)
    await add_experiment(database, "exp_c", listening_until=NOON, status=ExperimentStatus.COMPLETED)
    await add_experiment(database, "exp_d")
    async with database.reading() as connection:
        assert await store.overdue(connection, NOON - MINUTE, 9) == []
        assert await store.overdue(connection, NOON, 9) == ["exp_b"]
        assert await store.overdue(connection, NOON + MINUTE, 9) == ["exp_b", "exp_a"]
        assert await store.overdue(connection, NOON + MINUTE, 1) == ["exp_b"]


async def test_votes_are_not_changed_and_go_with_their_experiment(emptied_schema: Database) -> None:
    store = SqlListeningStore()
    await seat(emptied_schema, store, "lsn_a")
    await give(emptied_schema, store, assignment())
    async with emptied_schema.transaction() as connection:
        await store.add_vote(connection, assignment(), ListenerAnswer.A, NOON)
        (vote,) = await store.cast(connection, "exp_a")
        await store.judge(connection, [Judgement(vote, None)], NOON)
    with pytest.raises(DBAPIError, match="votes are not changed"):
        async with emptied_schema.transaction() as connection:
            await connection.execute(sa.text("UPDATE listening_votes SET answer = 'b'"))
    with pytest.raises(DBAPIError, match="states of votes are not changed"):
        async with emptied_schema.transaction() as connection:
            await connection.execute(sa.text("UPDATE listening_vote_states SET state = 'unknown'"))
    async with emptied_schema.transaction() as connection:
        await connection.execute(sa.text("DELETE FROM experiments"))
        for name in ("links", "listeners", "pairs", "assignments", "votes", "vote_states"):
            assert (await connection.execute(sa.text(f"SELECT count(*) FROM listening_{name}"))).scalar() == 0


async def test_who_joins_while_a_vote_is_counted_waits_for_it(emptied_schema: Database) -> None:
    store = SqlListeningStore()
    await seat(emptied_schema, store, "lsn_a")
    await give(emptied_schema, store, assignment())

    async def join() -> bool:
        async with emptied_schema.transaction() as connection:
            return bool(await store.add_listener(connection, listener("lsn_b"), 9, 9))

    waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%exp%'")
    async with asyncio.timeout(10), emptied_schema.transaction() as connection:
        await SqlStore().lock(connection, "exp_a")
        joining = asyncio.create_task(join())
        async with emptied_schema.reading() as looking:
            while not (await looking.execute(waiting)).scalar():
                continue
        # Were it to hold the link meanwhile, both would wait for ever.
        await store.add_vote(connection, assignment(), ListenerAnswer.A, NOON)
    assert await joining
