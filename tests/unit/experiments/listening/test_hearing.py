"""When a vote counts: which bytes of both clips the gateway has sent, and when."""

from datetime import timedelta

import pytest

from services.runtime.errors import WrongState
from services.shared.listening import clip_transfers
from services.shared.listening.clip_transfers import SentRange
from services.shared.listening.domain import Assignment, ListenerAnswer
from tests.unit.experiments.listening.conftest import CLIP_SECONDS, ListeningWorld

# A clip is padded to the next quarter of a second.
SECONDS = 1.75


class ListenerWithPair:
    """A listener with a pair."""

    def __init__(self, world: ListeningWorld, token: str, listener: str, pair: Assignment) -> None:
        self.world = world
        self.pair = pair
        self._token = token
        self._listener = listener

    async def vote(self) -> dict[str, str]:
        """Votes. Returns the metadata of the refusal, or an empty mapping if the vote counts."""
        try:
            await self.world.listeners.vote(self._token, self._listener, self.pair.id, ListenerAnswer.A)
        except WrongState as refused:
            return refused.metadata
        return {}


@pytest.fixture
async def listener_with_pair(world: ListeningWorld) -> ListenerWithPair:
    await world.begin(votes_per_pair=9)
    token = await world.link()
    listener = (await world.listeners.join(token)).token
    pair = (await world.listeners.next_pair(token, listener)).assignment
    assert pair is not None
    assert (pair.a_seconds, pair.b_seconds, CLIP_SECONDS) == (SECONDS, SECONDS, 1.5)
    return ListenerWithPair(world, token, listener, pair)


async def test_a_vote_counts_once_both_clips_were_sent_and_had_time_to_play(
    listener_with_pair: ListenerWithPair,
) -> None:
    world, pair = listener_with_pair.world, listener_with_pair.pair
    assert await listener_with_pair.vote() == {"status": "not_fetched"}
    await world.hear(pair.clip_b)
    await world.hear(pair.clip_a)
    world.wait(seconds=2 * SECONDS - 1.1)
    assert await listener_with_pair.vote() == {"status": "not_heard", "wait_seconds": "2"}
    world.wait(seconds=1.1)
    assert await listener_with_pair.vote() == {}


async def test_a_clip_that_was_sent_late_still_needs_its_playing_time(listener_with_pair: ListenerWithPair) -> None:
    world, pair = listener_with_pair.world, listener_with_pair.pair
    await world.hear(pair.clip_a)
    world.wait(hours=1)
    assert await listener_with_pair.vote() == {"status": "not_fetched"}
    await world.hear(pair.clip_b)
    assert await listener_with_pair.vote() == {"status": "not_heard", "wait_seconds": "2"}
    world.wait(seconds=SECONDS)
    assert await listener_with_pair.vote() == {}


async def test_ranges_count_as_fetched_once_they_cover_the_clip(listener_with_pair: ListenerWithPair) -> None:
    world, pair = listener_with_pair.world, listener_with_pair.pair
    await world.hear(pair.clip_a)
    size = len((await world.clips.find(pair.clip_b)).content)
    # As a player does: a probe, then the whole clip, cut off, then the rest.
    for start, end in ((0, 2), (0, 50_000), (size - 10, size)):
        await world.sent(pair.clip_b, start, end)
    world.wait(minutes=1)
    assert await listener_with_pair.vote() == {"status": "not_fetched"}
    await world.sent(pair.clip_b, 49_000, size - 10)
    world.wait(minutes=1)
    assert await listener_with_pair.vote() == {}


async def test_one_clip_twice_does_not_replace_the_other(listener_with_pair: ListenerWithPair) -> None:
    world, pair = listener_with_pair.world, listener_with_pair.pair
    await world.hear(pair.clip_a)
    await world.hear(pair.clip_a)
    world.wait(minutes=1)
    assert await listener_with_pair.vote() == {"status": "not_fetched"}


@pytest.mark.parametrize(("early_seconds", "waits"), [(3600, "3"), (1, "3"), (0.2, "4"), (-3600, "4")])
async def test_a_wrong_clock_of_the_gateway_shifts_the_sending_time_only_a_little(
    listener_with_pair: ListenerWithPair, monkeypatch: pytest.MonkeyPatch, early_seconds: float, waits: str
) -> None:
    monkeypatch.setattr(clip_transfers, "MAX_RECORD_AGE", timedelta(seconds=1))
    world, pair = listener_with_pair.world, listener_with_pair.pair
    for name in (pair.clip_a, pair.clip_b):
        size = len((await world.clips.find(name)).content)
        await world.clip_transfers.record(SentRange(name, 0, size, size), world.at - timedelta(seconds=early_seconds))
    assert await listener_with_pair.vote() == {"status": "not_heard", "wait_seconds": waits}


@pytest.mark.parametrize("sent", [(-1, 10, 100), (5, 5, 100), (7, 5, 100), (0, 101, 100)])
async def test_an_impossible_record_of_sent_bytes_is_ignored(
    listener_with_pair: ListenerWithPair, sent: tuple[int, int, int]
) -> None:
    world, pair = listener_with_pair.world, listener_with_pair.pair
    await world.hear(pair.clip_a)
    await world.clip_transfers.record(SentRange(pair.clip_b, *sent), world.at)
    await world.clip_transfers.record(SentRange("clp_" + "0" * 32 + ".wav", 0, 100, 100), world.at)
    world.wait(minutes=1)
    assert await listener_with_pair.vote() == {"status": "not_fetched"}
