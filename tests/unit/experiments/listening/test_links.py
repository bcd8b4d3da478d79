"""The use cases of developers with listening links."""

import dataclasses
from datetime import timedelta

import pytest

from services.experiments.domain import EvalMode, ExperimentStatus
from services.experiments.listening import links
from services.experiments.listening.domain import TalliedLink
from services.runtime.errors import InvalidInput, NotFound, QuotaExceeded, Unauthenticated, WrongState
from services.shared.listening.domain import InvitationTally
from tests.unit.experiments.listening.conftest import EXPERIMENT, NOON, ListeningWorld, call_as


async def test_a_link_can_be_created_before_the_experiment_runs(world: ListeningWorld) -> None:
    await world.plan(status=ExperimentStatus.CREATED)
    made = await world.links.create(EXPERIMENT, None, "")
    assert (made.link.link.expires_at, made.link.link.created_at) == (NOON + timedelta(days=14), NOON)
    joined = await world.listeners.join(made.token)
    assert joined.expires_at == made.link.link.expires_at
    assert (joined.progress.open, joined.progress.pairs_left) == (False, 0)
    assert (await world.listeners.next_pair(made.token, joined.token)).assignment is None


async def test_a_link_works_until_it_expires(world: ListeningWorld) -> None:
    await world.plan()
    made = await world.links.create(EXPERIMENT, 60, "")
    world.wait(seconds=59)
    await world.listeners.join(made.token)
    world.wait(seconds=1)
    with pytest.raises(Unauthenticated, match="has expired"):
        await world.listeners.join(made.token)


@pytest.mark.parametrize("seconds", [59, 90 * 86400 + 1, 0, -1])
async def test_a_lifetime_outside_its_limits_is_refused(world: ListeningWorld, seconds: int) -> None:
    await world.plan()
    with pytest.raises(InvalidInput) as refused:
        await world.links.create(EXPERIMENT, seconds, "r" * 101)
    assert [violation.field for violation in refused.value.violations] == ["expires_in_seconds", "request_id"]


async def test_the_same_request_returns_the_same_link_even_after_the_experiment_ended(world: ListeningWorld) -> None:
    await world.plan()
    first = await world.links.create(EXPERIMENT, 60, "once")
    async with world.database.transaction() as connection:
        await world.experiments.cancel(connection, EXPERIMENT, NOON)
    assert await world.links.create(EXPERIMENT, 3600, "once") == first


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"eval_mode": EvalMode.AUTOMATED}, "eval_mode is automated"),
        ({"status": ExperimentStatus.COMPLETED}, "This experiment is completed"),
        ({"status": ExperimentStatus.CANCELLED}, "This experiment is cancelled"),
    ],
)
async def test_an_automated_or_ended_experiment_gets_no_link(
    world: ListeningWorld, changed: dict[str, object], says: str
) -> None:
    await world.plan(**changed)  # type: ignore[arg-type]
    with pytest.raises(WrongState, match=says):
        await world.links.create(EXPERIMENT, None, "")


async def test_links_of_other_developers_are_not_found(world: ListeningWorld) -> None:
    await world.begin()
    made = await world.links.create(EXPERIMENT, None, "")
    call_as("dev_b")
    with pytest.raises(NotFound):
        await world.links.create(EXPERIMENT, None, "")
    with pytest.raises(NotFound):
        await world.links.page(EXPERIMENT, 0, "")
    with pytest.raises(NotFound):
        await world.links.revoke(EXPERIMENT, made.link.link.id)
    with pytest.raises(NotFound):
        await world.by_hand.close(EXPERIMENT)


async def test_links_are_listed_in_pages(world: ListeningWorld) -> None:
    await world.plan()
    made = []
    for _ in range(3):
        made.append((await world.links.create(EXPERIMENT, None, "")).link)
        world.wait(minutes=1)
    found, token = await world.links.page(EXPERIMENT, 2, "")
    assert found == [made[2], made[1]]
    assert await world.links.page(EXPERIMENT, 2, token) == ([made[0]], "")


async def test_the_number_of_links_of_an_experiment_is_limited(
    world: ListeningWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MAX_LINKS", 2)
    await world.plan()
    await world.link()
    await world.link()
    with pytest.raises(QuotaExceeded, match="already has 2 listening links"):
        await world.link()


async def test_a_revoked_link_stops_working_at_once_and_keeps_its_votes(world: ListeningWorld) -> None:
    await world.begin(prompts=2)
    made = await world.links.create(EXPERIMENT, None, "")
    listener = (await world.listeners.join(made.token)).token
    await world.answer(made.token, listener)
    pair = (await world.listeners.next_pair(made.token, listener)).assignment
    assert pair is not None

    revoked = await world.links.revoke(EXPERIMENT, made.link.link.id)
    assert revoked == TalliedLink(dataclasses.replace(made.link.link, revoked_at=world.at), InvitationTally(1, 1))
    world.wait(minutes=1)
    assert await world.links.revoke(EXPERIMENT, made.link.link.id) == revoked

    for call in (
        world.listeners.join(made.token),
        world.listeners.next_pair(made.token, listener),
        world.listeners.vote(made.token, listener, pair.id, "a"),  # type: ignore[arg-type]
        world.hear(pair.clip_a),
    ):
        with pytest.raises(Unauthenticated, match="for a new one"):
            await call
    assert len(await world.votes()) == 1
