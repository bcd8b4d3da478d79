"""The slots of one provider: their number, the order of requests, and the effect of the provider's responses."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from services.runtime.errors import Busy
from services.tts.concurrency import SUCCESSES_TO_GROW
from services.tts.domain import FailureKind, SynthesisError
from services.tts.slots import Slots

REQUESTERS = {"j": "experiments", "b": "battles", "c": "captions"}


class Requests:
    """Requests that hold their slot until they are ended. `running` has their names in the order of their slots.

    The first letter of a name is its requester: j is a job of experiments, b of battles, c of captions, and s a stream.
    A name such as ann-1 is a stream of the developer ann.
    """

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.running: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, name: str) -> asyncio.Task[None]:
        """Starts a request and lets it run until it waits."""
        self._ends[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._hold(name))
        await self.settle()
        return self._tasks[name]

    async def end(self, name: str) -> None:
        assert name in self.running
        self._ends[name].set()
        await self._tasks[name]
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def _hold(self, name: str) -> None:
        developer_id = name.partition("-")[0] if "-" in name else "dev"
        requester = REQUESTERS.get(name.rstrip("0123456789"))
        async with self.slots.for_job(requester) if requester else self.slots.for_stream(developer_id):
            self.running.append(name)
            await self._ends[name].wait()


async def test_no_more_requests_run_than_there_are_slots_and_jobs_keep_their_order() -> None:
    requests = Requests(Slots("p", count=2, max_waiting=0))
    for name in ("j1", "j2", "j3", "j4"):
        await requests.begin(name)
    assert requests.running == ["j1", "j2"]
    await requests.end("j2")
    assert requests.running == ["j1", "j2", "j3"]


async def test_streams_and_jobs_take_turns() -> None:
    requests = Requests(Slots("p", count=1, max_waiting=9))
    for name in ("j1", "j2", "j3", "j4", "s1", "s2"):
        await requests.begin(name)
    for name in ("j1", "s1", "j2", "s2", "j3"):
        await requests.end(name)
    assert requests.running == ["j1", "s1", "j2", "s2", "j3", "j4"]


async def run(slots: int, *, began: str, ends: str) -> list[str]:
    """Starts requests, ends some, and returns the order in which requests got their slots."""
    requests = Requests(Slots("p", count=slots, max_waiting=9))
    for name in began.split():
        await requests.begin(name)
    for name in ends.split():
        await requests.end(name)
    return requests.running


async def test_requesters_take_turns_with_one_slot() -> None:
    order = await run(1, began="j1 j2 j3 b1 b2 c1 s1", ends="j1 s1 b1 c1 j2 b2")
    assert order == ["j1", "s1", "b1", "c1", "j2", "b2", "j3"]


async def test_two_requesters_hold_one_of_two_slots_each() -> None:
    order = await run(2, began="j1 j2 j3 j4 b1 b2 b3", ends="j1 j2 b1 j3")
    assert order == ["j1", "j2", "b1", "j3", "b2", "j4"]


async def test_idle_slots_are_lent_and_come_back_as_requests_end() -> None:
    order = await run(4, began="j1 j2 j3 j4 j5 j6 b1 b2 b3 b4", ends="j1 j2 j3 b1 b2 b3 b4")
    # Two of the four lent slots come back first. Then each requester keeps its own slots, and unused ones are lent.
    assert order == ["j1", "j2", "j3", "j4", "b1", "b2", "j5", "b3", "b4", "j6"]


async def test_a_requester_gets_its_share_even_if_others_have_many_requests() -> None:
    few = " ".join(f"j{n}" for n in range(1, 40))
    assert (await run(2, began=f"{few} b1", ends="j1"))[-1] == "b1"


async def test_streams_and_two_requesters_have_equal_shares() -> None:
    order = await run(3, began="j1 j2 j3 j4 b1 b2 ann-1 bob-1", ends="j1 j2 b1 ann-1 j3")
    assert order == ["j1", "j2", "j3", "ann-1", "b1", "b2", "bob-1", "j4"]


async def share_of(slots: int, began: str, requester: str = "experiments") -> int:
    """Returns the share of a requester after some requests have started."""
    requests = Requests(Slots("p", count=slots, max_waiting=9))
    for name in began.split():
        await requests.begin(name)
    return requests.slots.share(requester)


@pytest.mark.parametrize(
    ("slots", "began", "share"),
    [
        (4, "", 4),
        (4, "j1 j2 j3 j4 j5", 4),
        # An equal part and one waiting job.
        (4, "j1 j2 j3 j4 b1 b2 b3", 3),
        (4, "j1 j2 j3 j4 s1 s2", 3),
        (12, "b1 b2 b3 b4 b5 b6 b7", 7),
        (12, "b1 b2 b3 b4 c1 c2 c3 c4 c5", 5),
        # The odd slot counts for everyone.
        (3, "b1 b2 b3", 3),
        # Slots that others do not use are added.
        (4, "b1", 4),
        (12, "b1", 12),
        (12, "b1 b2 c1 c2 c3 c4 c5 c6 c7", 6),
        # At least one, and never more than there are slots.
        (1, "b1 b2 c1 c2 s1", 1),
        (2, "b1 b2", 2),
        (2, "b1 b2 c1 c2 s1 s2", 2),
    ],
)
async def test_a_share_is_an_equal_part_and_what_others_do_not_use(slots: int, began: str, share: int) -> None:
    assert await share_of(slots, began) == share


async def test_shares_follow_the_current_limit() -> None:
    requests = Requests(Slots("p", count=12, max_waiting=9))
    for name in ("j1", "j2", "j3", "b1", "b2", "b3"):
        await requests.begin(name)
    requests.slots.failed(refusal(full=True, allowed=4))
    assert (requests.slots.share("experiments"), requests.slots.share("captions")) == (3, 3)


async def test_a_share_grows_when_others_have_no_more_requests() -> None:
    requests = Requests(Slots("p", count=4, max_waiting=9))
    for name in ("j1", "b1", "b2", "b3"):
        await requests.begin(name)
    assert requests.slots.share("experiments") == 3
    await requests.end("b1")
    await requests.end("b2")
    assert requests.slots.share("experiments") == 4
    await requests.end("b3")
    assert (requests.slots.share("experiments"), requests.slots.share("battles")) == (4, 4)


async def test_a_full_queue_refuses_streams_and_keeps_jobs() -> None:
    requests = Requests(Slots("kokoro", count=1, max_waiting=1))
    await requests.begin("s1")
    await requests.begin("s2")
    with pytest.raises(Busy, match=r"kokoro is busy and its queue is full \(1 waiting\); try again later"):
        await (await requests.begin("s3"))
    await requests.begin("j1")
    await requests.begin("j2")
    for name in ("s1", "j1", "s2"):
        await requests.end(name)
    assert requests.running == ["s1", "j1", "s2", "j2"]


async def test_a_cancelled_request_leaves_the_queue() -> None:
    requests = Requests(Slots("p", count=1, max_waiting=9))
    await requests.begin("j1")
    (await requests.begin("j2")).cancel()
    await requests.settle()
    await requests.begin("j3")
    await requests.end("j1")
    assert requests.running == ["j1", "j3"]


async def test_a_slot_handed_to_a_request_that_is_being_cancelled_goes_to_the_next() -> None:
    slots = Slots("p", count=1, max_waiting=9)
    requests = Requests(slots)
    async with AsyncExitStack() as held:
        await held.enter_async_context(slots.for_job("experiments"))
        leaving = await requests.begin("j1")
        await requests.begin("j2")
        await held.aclose()
        leaving.cancel()
    await requests.settle()
    assert requests.running == ["j2"]


async def test_a_request_cancelled_just_before_a_slot_is_free_is_skipped() -> None:
    slots = Slots("p", count=1, max_waiting=9)
    requests = Requests(slots)
    async with AsyncExitStack() as held:
        await held.enter_async_context(slots.for_job("experiments"))
        leaving = await requests.begin("j1")
        await requests.begin("j2")
        leaving.cancel()
        await held.aclose()
    await requests.settle()
    assert requests.running == ["j2"]


def refusal(retry_after: float | None = None, *, full: bool = False, allowed: int | None = None) -> SynthesisError:
    return SynthesisError(
        FailureKind.RATE_LIMITED,
        "slower",
        retry_after=retry_after,
        concurrency_full=full,
        allowed_concurrency=allowed,
    )


async def test_a_refusal_for_concurrency_lowers_the_number_of_slots() -> None:
    slots = Slots("p", count=3, max_waiting=0)
    requests = Requests(slots)
    for name in ("j1", "j2", "j3", "j4", "j5"):
        await requests.begin(name)
    slots.failed(refusal(full=True))
    assert (slots.limit, slots.in_use, slots.waiting) == (2, 3, 2)
    await requests.end("j3")
    assert requests.running == ["j1", "j2", "j3"]
    await requests.end("j1")
    assert requests.running == ["j1", "j2", "j3", "j4"]


async def test_a_regained_slot_goes_to_a_waiting_request() -> None:
    slots = Slots("p", count=2, max_waiting=0)
    requests = Requests(slots)
    for name in ("j1", "j2", "j3"):
        await requests.begin(name)
    slots.failed(refusal(full=True))
    await requests.end("j1")
    assert requests.running == ["j1", "j2"]
    for _ in range(SUCCESSES_TO_GROW):
        slots.succeeded()
    await requests.settle()
    assert requests.running == ["j1", "j2", "j3"]


async def test_a_long_pause_refuses_streams_and_delays_jobs() -> None:
    slots = Slots("p", count=2, max_waiting=5)
    slots.failed(refusal(retry_after=20.5))
    with pytest.raises(Busy, match="p asked for a pause; try again in 21 s"):
        async with slots.for_stream("dev"):
            pass
    requests = Requests(slots)
    waiting = await requests.begin("j1")
    assert (requests.running, slots.waiting) == ([], 1)
    waiting.cancel()
    await requests.settle()
    assert slots.waiting == 0


async def test_a_provider_gets_no_request_during_the_pause_that_it_asked_for() -> None:
    slots = Slots("p", count=2, max_waiting=0)
    requests = Requests(slots)
    clock = asyncio.get_running_loop().time
    slots.failed(refusal(retry_after=0.05))
    began = clock()
    slots.failed(refusal(retry_after=0.01))
    waiting = await requests.begin("j1")
    with pytest.raises(Busy):
        await (await requests.begin("s1"))
    while not requests.running:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    assert requests.running == ["j1"]
    assert clock() - began >= 0.045
    await requests.end("j1")
    assert waiting.done()


async def test_the_developer_with_the_fewest_streams_is_next() -> None:
    requests = Requests(Slots("p", count=2, max_waiting=9))
    for name in ("bob-1", "bob-2", "bob-3", "bob-4", "ann-1", "cleo-1", "ann-2"):
        await requests.begin(name)
    for name in ("bob-1", "bob-2", "ann-1", "cleo-1"):
        await requests.end(name)
    assert requests.running == ["bob-1", "bob-2", "ann-1", "cleo-1", "bob-3", "ann-2"]


async def test_a_developer_who_fills_the_queue_loses_places_to_others() -> None:
    requests = Requests(Slots("p", count=1, max_waiting=2))
    await requests.begin("bob-1")
    second, third = await requests.begin("bob-2"), await requests.begin("bob-3")
    await requests.begin("ann-1")
    with pytest.raises(Busy, match=r"p is busy and its queue is full \(2 waiting\)"):
        await third
    assert not second.done()
    with pytest.raises(Busy):
        await (await requests.begin("bob-4"))
    await requests.begin("cleo-1")
    with pytest.raises(Busy):
        await second
    # A developer with as many requests as the others gets no place.
    with pytest.raises(Busy):
        await (await requests.begin("dan-1"))
    await requests.end("bob-1")
    await requests.end("ann-1")
    assert requests.running == ["bob-1", "ann-1", "cleo-1"]


async def test_a_request_that_loses_its_place_while_it_is_cancelled_holds_no_slot() -> None:
    slots = Slots("p", count=1, max_waiting=1)
    requests = Requests(slots)
    await requests.begin("bob-1")
    leaving = await requests.begin("bob-2")
    leaving.cancel()
    await requests.begin("ann-1")
    await requests.end("bob-1")
    assert requests.running == ["bob-1", "ann-1"]
    assert (slots.in_use, slots.waiting) == (1, 0)
