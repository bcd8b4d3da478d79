"""When a vote counts: what went out of both clips, as the gateway says, and when."""

from datetime import timedelta

import pytest

from services.runtime.errors import WrongState
from services.shared.listening import hearing
from services.shared.listening.domain import Assignment, ListenerAnswer
from services.shared.listening.hearing import Sent
from tests.unit.experiments.listening.conftest import CLIP_SECONDS, Room

# The clip is a little longer than its speech, to the next quarter of a second.
SECONDS = 1.75


class Someone:
    """A listener with a pair."""

    def __init__(self, room: Room, token: str, listener: str, pair: Assignment) -> None:
        self.room = room
        self.pair = pair
        self._token = token
        self._listener = listener

    async def vote(self) -> dict[str, str]:
        """Votes; returns what the refusal says, empty if the vote counts."""
        try:
            await self.room.listeners.vote(self._token, self._listener, self.pair.id, ListenerAnswer.A)
        except WrongState as refused:
            return refused.metadata
        return {}


@pytest.fixture
async def someone(room: Room) -> Someone:
    await room.begin(votes_per_pair=9)
    token = await room.link()
    listener = (await room.listeners.join(token)).token
    pair = (await room.listeners.next_pair(token, listener)).assignment
    assert pair is not None
    assert (pair.a_seconds, pair.b_seconds, CLIP_SECONDS) == (SECONDS, SECONDS, 1.5)
    return Someone(room, token, listener, pair)


async def test_a_vote_counts_once_both_clips_went_out_and_could_be_heard_in_turn(someone: Someone) -> None:
    room, pair = someone.room, someone.pair
    assert await someone.vote() == {"status": "not_fetched"}
    await room.hear(pair.clip_b)
    await room.hear(pair.clip_a)
    room.wait(seconds=2 * SECONDS - 1.1)
    assert await someone.vote() == {"status": "not_heard", "wait_seconds": "2"}
    room.wait(seconds=1.1)
    assert await someone.vote() == {}


async def test_a_clip_that_came_late_must_have_had_its_own_time(someone: Someone) -> None:
    room, pair = someone.room, someone.pair
    await room.hear(pair.clip_a)
    room.wait(hours=1)
    assert await someone.vote() == {"status": "not_fetched"}
    await room.hear(pair.clip_b)
    assert await someone.vote() == {"status": "not_heard", "wait_seconds": "2"}
    room.wait(seconds=SECONDS)
    assert await someone.vote() == {}


async def test_a_clip_was_fetched_when_its_ranges_cover_it(someone: Someone) -> None:
    room, pair = someone.room, someone.pair
    await room.hear(pair.clip_a)
    size = len((await room.clips.find(pair.clip_b)).content)
    # As a player begins: is it there, then all of it, broken off, then the rest.
    for start, end in ((0, 2), (0, 50_000), (size - 10, size)):
        await room.sent(pair.clip_b, start, end)
    room.wait(minutes=1)
    assert await someone.vote() == {"status": "not_fetched"}
    await room.sent(pair.clip_b, 49_000, size - 10)
    room.wait(minutes=1)
    assert await someone.vote() == {}


async def test_one_clip_is_not_the_other(someone: Someone) -> None:
    room, pair = someone.room, someone.pair
    await room.hear(pair.clip_a)
    await room.hear(pair.clip_a)
    room.wait(minutes=1)
    assert await someone.vote() == {"status": "not_fetched"}


@pytest.mark.parametrize(("early_seconds", "waits"), [(3600, "3"), (1, "3"), (0.2, "4"), (-3600, "4")])
async def test_a_gateway_whose_clock_is_wrong_shifts_a_moment_by_little(
    someone: Someone, monkeypatch: pytest.MonkeyPatch, early_seconds: float, waits: str
) -> None:
    monkeypatch.setattr(hearing, "MAX_RECORD_AGE", timedelta(seconds=1))
    room, pair = someone.room, someone.pair
    for name in (pair.clip_a, pair.clip_b):
        size = len((await room.clips.find(name)).content)
        await room.hearing.note(Sent(name, 0, size, size), room.at - timedelta(seconds=early_seconds))
    assert await someone.vote() == {"status": "not_heard", "wait_seconds": waits}


@pytest.mark.parametrize("sent", [(-1, 10, 100), (5, 5, 100), (7, 5, 100), (0, 101, 100)])
async def test_a_record_that_can_not_be_is_left_out(someone: Someone, sent: tuple[int, int, int]) -> None:
    room, pair = someone.room, someone.pair
    await room.hear(pair.clip_a)
    await room.hearing.note(Sent(pair.clip_b, *sent), room.at)
    await room.hearing.note(Sent("clp_" + "0" * 32 + ".wav", 0, 100, 100), room.at)
    room.wait(minutes=1)
    assert await someone.vote() == {"status": "not_fetched"}
