"""How an evaluation is watched: the current state, each step that changes, then the end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from sqlalchemy.exc import OperationalError

from services.runtime.errors import InvalidInput, NotFound
from services.scoring.domain import Status
from services.scoring.evaluations import watching
from services.scoring.evaluations.domain import EvaluationPlan
from services.scoring.evaluations.watching import WatchUpdate
from services.scoring.pipeline.step import StepStatus
from tests.unit.scoring.evaluations.conftest import SOON_SECONDS, World, call_as

SIGNAL = EvaluationPlan(steps=("signal",))
AWAY = OperationalError("SELECT", None, Exception("the server closed the connection"))
HEARTBEAT = WatchUpdate()


async def following(messages: AsyncGenerator[WatchUpdate, None]) -> WatchUpdate:
    return await asyncio.wait_for(anext(messages), SOON_SECONDS)


def kinds(seen: list[WatchUpdate]) -> list[str]:
    """Returns what each message is: a status, a step with its status, or a heartbeat."""
    found = []
    for each in seen:
        if each.details is not None:
            found.append(("end " if each.last else "") + each.details.evaluation.status.value)
        else:
            found.append(f"{each.outcome.step} {each.outcome.status.value}" if each.outcome else "heartbeat")
    return found


async def test_a_watcher_sees_the_state_then_each_step_and_the_end(world: World) -> None:
    world.runner.hold = "signal"
    evaluation = await world.upload(SIGNAL)
    async with world.running(), aclosing(world.watching().watch(evaluation.id)) as messages:
        seen = [await following(messages)]
        while "signal started" not in kinds(seen):
            seen.append(await following(messages))
        world.runner.resume()
        seen += [message async for message in messages]
    order = kinds(seen)
    assert order[0] == "pending"
    assert order.count("running") == 1
    assert order[-2:] == ["signal completed", "end completed"]
    assert [each for each in order if each.startswith("decode")][-1] == "decode completed"
    last = seen[-1].details
    assert last is not None
    assert [one.backend for one in last.outcomes] == ["decode/1", "signal/1"]


async def test_a_watcher_that_comes_back_sees_what_has_ended(world: World) -> None:
    world.runner.hold = "signal"
    evaluation = await world.upload(SIGNAL)
    async with world.running():
        async with aclosing(world.watching().watch(evaluation.id)) as messages:
            while "signal started" not in kinds([await following(messages)]):
                pass
        async with aclosing(world.watching().watch(evaluation.id)) as messages:
            details = (await following(messages)).details
            assert details is not None
            assert [one.status for one in details.outcomes] == [StepStatus.completed, StepStatus.started]
            world.runner.resume()
            assert kinds([message async for message in messages]) == ["signal completed", "end completed"]


async def test_an_ended_evaluation_is_sent_twice_and_the_stream_ends(world: World) -> None:
    evaluation = await world.upload(SIGNAL)
    await world.evaluations.cancel(evaluation.id)
    assert kinds(list(await world.watch_to_end(evaluation.id))) == ["cancelled", "end cancelled"]


async def test_heartbeats_come_while_nothing_changes(world: World) -> None:
    evaluation = await world.upload(SIGNAL)
    async with aclosing(world.watching(heartbeat_seconds=0.01).watch(evaluation.id)) as messages:
        await following(messages)
        assert [await following(messages) for _ in range(2)] == [HEARTBEAT] * 2


async def test_a_change_whose_notification_was_lost_is_found_at_a_heartbeat(world: World) -> None:
    # Nothing listens for notifications here.
    evaluation = await world.upload(SIGNAL)
    async with aclosing(world.watching(heartbeat_seconds=0.01).watch(evaluation.id)) as messages:
        await following(messages)
        await world.evaluations.cancel(evaluation.id)
        seen = [message async for message in messages if message != HEARTBEAT]
    assert kinds(seen) == ["decode skipped", "signal skipped", "end cancelled"]


async def test_a_deleted_evaluation_ends_as_cancelled(world: World) -> None:
    evaluation = await world.upload(SIGNAL)
    async with world.running(max_running=0), aclosing(world.watching().watch(evaluation.id)) as messages:
        await following(messages)
        await world.evaluations.delete(evaluation.id)
        seen = [message async for message in messages]
    assert kinds(seen) == ["end cancelled"]
    assert seen[0].details is not None
    assert seen[0].details.evaluation.status is Status.cancelled


async def test_existing_watchers_see_no_outage_of_the_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "RETRY_SECONDS", 0.01)
    evaluation = await world.upload(SIGNAL)
    async with aclosing(world.watching(heartbeat_seconds=0.01).watch(evaluation.id)) as messages:
        await following(messages)
        with world.database.failing(AWAY):
            assert [await following(messages) for _ in range(3)] == [HEARTBEAT] * 3
        await world.evaluations.cancel(evaluation.id)
        seen = [message async for message in messages]
    assert seen[-1].last


async def test_only_own_evaluations_are_watched(world: World) -> None:
    evaluation = await world.upload(SIGNAL)
    with pytest.raises(InvalidInput, match="id: must be the id"):
        await world.watch_to_end("evl_1")
    call_as("dev_b")
    with pytest.raises(NotFound, match="There is no evaluation"):
        await world.watch_to_end(evaluation.id)
