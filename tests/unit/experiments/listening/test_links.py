"""What developers do with listening links."""

import dataclasses
from datetime import timedelta

import pytest

from services.experiments.domain import EvalMode, ExperimentStatus
from services.experiments.listening import links
from services.experiments.listening.domain import TalliedLink
from services.runtime.errors import InvalidInput, NotFound, QuotaExceeded, Unauthenticated, WrongState
from services.shared.listening.domain import Tally
from tests.unit.experiments.listening.conftest import EXPERIMENT, NOON, Room, call_as


async def test_a_link_can_be_made_as_soon_as_there_is_an_experiment(room: Room) -> None:
    await room.plan(status=ExperimentStatus.CREATED)
    made = await room.links.create(EXPERIMENT, None, "")
    assert (made.link.link.expires_at, made.link.link.created_at) == (NOON + timedelta(days=14), NOON)
    joined = await room.listeners.join(made.token)
    assert joined.expires_at == made.link.link.expires_at
    assert (joined.progress.open, joined.progress.pairs_left) == (False, 0)
    assert (await room.listeners.next_pair(made.token, joined.token)).assignment is None


async def test_a_link_works_as_long_as_it_was_made_for(room: Room) -> None:
    await room.plan()
    made = await room.links.create(EXPERIMENT, 60, "")
    room.wait(seconds=59)
    await room.listeners.join(made.token)
    room.wait(seconds=1)
    with pytest.raises(Unauthenticated, match="has expired: ask"):
        await room.listeners.join(made.token)


@pytest.mark.parametrize("seconds", [59, 90 * 86400 + 1, 0, -1])
async def test_a_link_that_lives_too_short_or_too_long_is_refused(room: Room, seconds: int) -> None:
    await room.plan()
    with pytest.raises(InvalidInput) as refused:
        await room.links.create(EXPERIMENT, seconds, "r" * 101)
    assert [violation.field for violation in refused.value.violations] == ["expires_in_seconds", "request_id"]


async def test_the_same_request_returns_the_same_link_even_after_the_end(room: Room) -> None:
    await room.plan()
    first = await room.links.create(EXPERIMENT, 60, "once")
    async with room.database.transaction() as connection:
        await room.experiments.cancel(connection, EXPERIMENT, NOON)
    assert await room.links.create(EXPERIMENT, 3600, "once") == first


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"eval_mode": EvalMode.AUTOMATED}, "eval_mode is automated"),
        ({"status": ExperimentStatus.COMPLETED}, "the experiment is completed"),
        ({"status": ExperimentStatus.CANCELLED}, "the experiment is cancelled"),
    ],
)
async def test_nobody_is_asked_to_listen_to_what_nobody_hears(
    room: Room, changed: dict[str, object], says: str
) -> None:
    await room.plan(**changed)  # type: ignore[arg-type]
    with pytest.raises(WrongState, match=says):
        await room.links.create(EXPERIMENT, None, "")


async def test_links_of_others_are_not_found(room: Room) -> None:
    await room.begin()
    made = await room.links.create(EXPERIMENT, None, "")
    call_as("dev_b")
    with pytest.raises(NotFound):
        await room.links.create(EXPERIMENT, None, "")
    with pytest.raises(NotFound):
        await room.links.page(EXPERIMENT, 0, "")
    with pytest.raises(NotFound):
        await room.links.revoke(EXPERIMENT, made.link.link.id)
    with pytest.raises(NotFound):
        await room.by_hand.close(EXPERIMENT)


async def test_links_are_listed_by_pages(room: Room) -> None:
    await room.plan()
    made = []
    for _ in range(3):
        made.append((await room.links.create(EXPERIMENT, None, "")).link)
        room.wait(minutes=1)
    found, token = await room.links.page(EXPERIMENT, 2, "")
    assert found == [made[2], made[1]]
    assert await room.links.page(EXPERIMENT, 2, token) == ([made[0]], "")


async def test_there_is_a_limit_to_the_links_of_an_experiment(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MAX_LINKS", 2)
    await room.plan()
    await room.link()
    await room.link()
    with pytest.raises(QuotaExceeded, match="at most 2 listening links"):
        await room.link()


async def test_a_revoked_link_is_useless_at_once_and_its_votes_stay(room: Room) -> None:
    await room.begin(prompts=2)
    made = await room.links.create(EXPERIMENT, None, "")
    listener = (await room.listeners.join(made.token)).token
    await room.answer(made.token, listener)
    pair = (await room.listeners.next_pair(made.token, listener)).assignment
    assert pair is not None

    revoked = await room.links.revoke(EXPERIMENT, made.link.link.id)
    assert revoked == TalliedLink(dataclasses.replace(made.link.link, revoked_at=room.at), Tally(1, 1))
    room.wait(minutes=1)
    assert await room.links.revoke(EXPERIMENT, made.link.link.id) == revoked

    for call in (
        room.listeners.join(made.token),
        room.listeners.next_pair(made.token, listener),
        room.listeners.vote(made.token, listener, pair.id, "a"),  # type: ignore[arg-type]
        room.hear(pair.clip_a),
    ):
        with pytest.raises(Unauthenticated, match=r"(?i)ask (whoever|the person who) sent it for a new one"):
            await call
    assert len(await room.votes()) == 1
