"""Which battle a voter gets next."""

from collections import Counter
from datetime import timedelta

import pytest

from services.elo.battles.domain import Control
from services.runtime.db import Database
from services.runtime.errors import CredentialsMissing, InvalidInput, NotReady, PermissionDenied, Unauthenticated
from services.shared.listening.domain import PENDING_ASSIGNMENT_DURATION, ListenerAnswer
from tests.contract.stores.elo.arena_world import ArenaWorld
from tests.contract.stores.elo.rows import add_scenario
from tests.contract.stores.subject_contract import Clock


@pytest.fixture
async def world(emptied_schema: Database) -> ArenaWorld:
    world = ArenaWorld(emptied_schema, Clock())
    await world.begin()
    return world


async def test_without_an_open_battle_the_voter_is_asked_to_come_again(world: ArenaWorld) -> None:
    with world.voter(), pytest.raises(NotReady, match="Ask again in 5 s") as refused:
        await world.next()
    assert refused.value.metadata == {"retry_after_seconds": "5"}


async def test_a_repeated_call_returns_the_same_battle_with_the_same_clips_until_the_vote(world: ArenaWorld) -> None:
    for _ in range(5):
        await world.open_battle()
    with world.voter():
        given = await world.next()
        assert await world.next() == given
        world.clock.at += timedelta(minutes=5)
        assert (await world.next()).assignment.clip_a == given.assignment.clip_a
        await world.hear(given)
        await world.vote(given)
        following = await world.next()
        assert following.battle.id != given.battle.id
        assert following.votes_cast == 1


async def test_a_voter_hears_each_battle_once(world: ArenaWorld) -> None:
    battles = {(await world.open_battle()).id for _ in range(4)}
    heard = set()
    with world.voter():
        for _ in range(4):
            given = await world.heard()
            heard.add(given.battle.id)
            await world.vote(given, ListenerAnswer.TIE)
        with pytest.raises(NotReady):
            await world.next()
    assert heard == battles


async def test_voters_get_battles_that_nobody_else_is_listening_to(world: ArenaWorld) -> None:
    battles = {(await world.open_battle()).id for _ in range(4)}
    given = set()
    for _ in range(4):
        with world.voter():
            given.add((await world.next()).battle.id)
    assert given == battles


async def test_a_battle_is_given_to_another_voter_when_all_are_being_heard(world: ArenaWorld) -> None:
    battle = await world.open_battle()
    for _ in range(2):
        with world.voter():
            assert (await world.next()).battle.id == battle.id


async def test_a_battle_is_made_before_a_voter_gets_one_that_another_is_hearing(world: ArenaWorld) -> None:
    await world.open_battle()
    world.made_on_demand = 1
    given = []
    for _ in range(2):
        with world.voter():
            given.append((await world.next()).battle.id)
    assert len(set(given)) == 2
    assert world.made_on_demand == 0


async def test_a_battle_whose_voter_went_away_is_free_again(world: ArenaWorld) -> None:
    first, second = await world.open_battle(), await world.open_battle()
    with world.voter():
        abandoned = (await world.next()).battle.id
    world.clock.at += PENDING_ASSIGNMENT_DURATION + timedelta(seconds=1)
    with world.voter():
        other = (await world.next()).battle.id
    with world.voter():
        assert {other, (await world.next()).battle.id} == {first.id, second.id}
    assert abandoned in {first.id, second.id}


async def test_battles_are_drawn_at_random(world: ArenaWorld) -> None:
    for number in range(4):
        await world.open_battle(drawn=(number + 0.5) / 4)
    # Each voter is the first: nobody is listening to any battle.
    counts: Counter[str] = Counter()
    for _ in range(80):
        world.clock.at += PENDING_ASSIGNMENT_DURATION + timedelta(seconds=1)
        with world.voter():
            counts[(await world.next()).battle.id] += 1
    assert len(counts) == 4
    # With a probability of 1/4 each, fewer than 7 of 80 have a probability of 1e-4.
    assert min(counts.values()) >= 7


async def test_sides_are_swapped_for_about_half_of_the_voters(world: ArenaWorld) -> None:
    await world.open_battle()
    swaps = 0
    for _ in range(60):
        with world.voter():
            swaps += (await world.next()).assignment.swapped
    assert 12 <= swaps <= 48


@pytest.mark.parametrize(
    ("category", "language", "found"),
    [
        ("sales", "", "sales"),
        ("", "de", "german"),
        ("", "en", "sales"),
        ("", "EN-gb", "sales"),
    ],
)
async def test_category_and_language_select(world: ArenaWorld, category: str, language: str, found: str) -> None:
    battles = {
        "sales": await world.open_battle(category="sales", language="en-GB"),
        "german": await world.open_battle(category="support", language="de"),
    }
    with world.voter():
        assert (await world.next(category, language)).battle.id == battles[found].id


@pytest.mark.parametrize(
    ("category", "language", "says"),
    [
        ("sales", "", "category: must be empty or a category that has scenarios: support, waiting"),
        ("mine", "", "category: must be empty or a category that has scenarios: support, waiting"),
        ("sales", "de", "category: must be empty or a category that has scenarios: support, waiting"),
        ("", "fr", "language: must be empty or a language that scenarios have: de, en"),
        ("support", "de", "language: must be empty or a language that scenarios of support have: en"),
        ("", "en-gb", "language: must be empty or a language that scenarios have: de, en"),
        ("", "e", "language: must be a BCP 47 tag of 2 to 35 characters"),
    ],
)
async def test_a_category_or_language_without_scenarios_is_refused_with_those_that_have_some(
    world: ArenaWorld, category: str, language: str, says: str
) -> None:
    await add_scenario(world.database, "scn_waiting", category="waiting", language="de")
    await add_scenario(world.database, "scn_mine", category="mine", developer_id="dev_a", visibility="private")
    await add_scenario(world.database, "scn_old", category="sales", archived=True)
    with world.voter(), pytest.raises(InvalidInput) as refused:
        await world.next(category, language)
    assert says in str(refused.value)


async def test_a_category_with_scenarios_and_no_battle_is_not_ready(world: ArenaWorld) -> None:
    await add_scenario(world.database, "scn_german", language="de-CH")
    await add_scenario(world.database, "scn_mine", category="mine", developer_id="dev_a", visibility="private")
    with world.voter(invited_by="dev_a"):
        for category, language in (("support", ""), ("support", "EN"), ("", "de"), ("", "de-ch")):
            with pytest.raises(NotReady):
                await world.next(category, language)
        with pytest.raises(NotReady):
            await world.next("mine", own_board=True)
        with pytest.raises(InvalidInput, match="that has scenarios: support"):
            await world.next("mine")


async def test_an_open_battle_is_given_although_its_scenario_was_archived(world: ArenaWorld) -> None:
    battle = await world.open_battle(category="old")
    with world.voter():
        assert (await world.next("old")).battle.id == battle.id


async def test_a_malformed_category_is_refused(world: ArenaWorld) -> None:
    with world.voter(), pytest.raises(InvalidInput, match="category: must have 1 to 50 characters"):
        await world.next("Sales!")


async def test_a_board_of_our_own_has_our_models_and_our_listeners_only(world: ArenaWorld) -> None:
    own = await world.open_battle(owner="dev_a", developer_id="dev_a", private=True)
    public = await world.open_battle()
    with world.voter(invited_by="dev_a"):
        given = await world.next(own_board=True)
        assert given.battle.id == own.id
        assert (await world.next()).battle.id == public.id
        await world.hear(given)
        revealed = await world.vote(given)
        assert revealed.clip_a.rating.after != revealed.clip_a.rating.before
    async with world.database.reading() as connection:
        assert await world.ratings_of(connection, "") == {}
        assert sorted((await world.ratings_of(connection, "dev_a")).values()) == [1476, 1524]
    for invited_by in ("dev_b", ""):
        with world.voter(invited_by=invited_by):
            assert (await world.next()).battle.id == public.id
    with world.voter(invited_by="dev_b"), pytest.raises(NotReady):
        await world.next(own_board=True)
    with world.voter(), pytest.raises(PermissionDenied, match="created without an API key"):
        await world.next(own_board=True)


async def test_control_battles_are_not_drawn(world: ArenaWorld) -> None:
    await world.open_battle(control=Control.GOLD, expected="a")
    with world.voter(), pytest.raises(NotReady):
        await world.next()


async def test_a_voters_session_is_needed(world: ArenaWorld) -> None:
    with pytest.raises(CredentialsMissing, match="POST /api/v1/voters"):
        await world.next()
    with world.developer("dev_a"), pytest.raises(Unauthenticated, match="An API key can't vote"):
        await world.next()
