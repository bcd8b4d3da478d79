"""Fakes in memory of what the scoring service uses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from google.protobuf.message import Message

from services.runtime.errors import NotFound
from services.scoring.domain import Evaluation, Job, Status
from services.scoring.metrics.signal import SignalMetrics


@dataclass
class State:
    """The content of the database."""

    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    processed: set[tuple[str, str]] = field(default_factory=set)
    outbox: list[Message] = field(default_factory=list)


class MemoryDatabase:
    """A database with atomic transactions."""

    def __init__(self) -> None:
        self.state = State()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[State]:
        """Opens a transaction on a copy of the state, which replaces the state if the block succeeds."""
        staged = deepcopy(self.state)
        yield staged
        self.state = staged

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[State]:
        """Yields the state."""
        yield self.state


class MemoryStore:
    """The store over `State`."""

    async def begin(self, connection: Any, job: Job) -> Evaluation:
        evaluations: dict[str, Evaluation] = connection.evaluations
        known = evaluations.get(job.id)
        if known is None:
            known = Evaluation(
                id=job.id,
                attempt=job.attempt,
                developer_id=job.developer_id,
                audio_name=job.audio_name,
                status=Status.running,
                signal_metrics=None,
                error_message="",
                created_at=job.requested_at,
                completed_at=None,
            )
        evaluations[job.id] = replace(known, attempt=max(known.attempt, job.attempt))
        return evaluations[job.id]

    async def finish(
        self, connection: Any, evaluation_id: str, outcome: SignalMetrics | str, at: datetime
    ) -> Evaluation | None:
        state: State = connection
        known = state.evaluations.get(evaluation_id)
        if known is None or known.status is not Status.running:
            return None
        ended = replace(known, completed_at=at)
        if isinstance(outcome, str):
            ended = replace(ended, status=Status.failed, error_message=outcome)
        else:
            ended = replace(ended, status=Status.completed, signal_metrics=outcome)
        state.evaluations[evaluation_id] = ended
        return ended

    async def get(self, connection: Any, evaluation_id: str) -> Evaluation | None:
        state: State = connection
        return state.evaluations.get(evaluation_id)

    async def delete(self, connection: Any, evaluation_ids: Sequence[str]) -> None:
        for evaluation_id in evaluation_ids:
            connection.evaluations.pop(evaluation_id, None)


async def add_to_outbox(connection: State, *messages: Message) -> None:
    """Replaces `outbox.add`."""
    connection.outbox.extend(messages)


async def first_time(connection: State, consumer: str, event_id: str) -> bool:
    """Replaces `inbox.first_time`."""
    known = (consumer, event_id) in connection.processed
    connection.processed.add((consumer, event_id))
    return not known


class MemoryRecordingStore:
    """A store of recordings by name. The next call of `open` raises `error`, once."""

    def __init__(self) -> None:
        self.recordings: dict[str, bytes] = {}
        self.error: Exception | None = None
        self.readings = 0

    async def open(self, name: str) -> AsyncIterator[bytes]:
        """Yields a recording in pieces of an odd number of bytes."""
        self.readings += 1
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if name not in self.recordings:
            raise NotFound.of("audio", name)
        content = self.recordings[name]
        for start in range(0, len(content), 1001):
            yield content[start : start + 1001]
