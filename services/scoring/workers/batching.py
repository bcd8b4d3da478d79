"""Batches calls of models: a queue for each model, in the process that owns them."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from threading import Condition, Thread
from typing import Any

import structlog

from services.scoring.backends.backend import BackendMissing, ModelCapabilities, is_out_of_memory
from services.scoring.backends.choice import Backends
from services.scoring.workers.fair_queue import AGED_AFTER_SECONDS, MAX_PASSED, FairQueue
from services.scoring.workers.model_calls import DESCRIBE, is_batched

log = structlog.get_logger()

FLUSH_AFTER_SECONDS = 0.03
"""A batch starts when it is full, or when its oldest call has waited this long."""
MAX_CALLS_PER_QUEUE = 10_000
"""Each recording that is evaluated makes a few calls at a time, so this is never reached."""


@dataclass(eq=False, slots=True, kw_only=True)
class Call:
    """A call of a model."""

    model: str
    """The name of a backend."""
    method: str
    arguments: list[Any]
    """A batched method has a list of items first."""
    developer_id: str
    interactive: bool
    alone: bool
    """Whether it must run while nothing else runs, because a process ended when it ran before."""
    begin: Callable[[], bool]
    """Says that it begins to run. Returns False if nobody waits for it any more."""
    places: int = 1
    """How many places of a batch it takes. The queues set it."""
    result: Future[Any] = field(default_factory=Future)

    @property
    def key(self) -> str:
        """What calls of one batch have in common."""
        rest = self.arguments[1:] if is_batched(self.method) else []
        return json.dumps([self.model, self.method, *rest])

    @property
    def items(self) -> list[Any]:
        """The items of a batched call."""
        return list(self.arguments[0])


@dataclass(slots=True)
class _ModelQueue:
    model: str
    batched: bool
    calls: FairQueue[Call] = field(default_factory=lambda: FairQueue(MAX_CALLS_PER_QUEUE))
    waiting_places: int = 0


class ModelQueues:
    """Runs calls in batches. `threads` batches run at the same time, at most one for each model.

    One thread is right for a GPU. If a model runs out of memory, its batches are halved and the batch is repeated once.
    """

    def __init__(self, backends: Backends, threads: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._backends = backends
        self._threads = threads
        self._clock = clock
        self._changed = Condition()
        self._queues: dict[str, _ModelQueue] = {}
        self._alone: deque[Call] = deque()
        self._running: set[str] = set()
        self._passed = 0

    def start(self) -> None:
        """Starts the threads, which end with the process."""
        for index in range(self._threads):
            Thread(target=self._work, name=f"models-{index}", daemon=True).start()

    def submit(self, call: Call) -> None:
        """Adds a call. Its `result` is set when it has run."""
        if call.method == DESCRIBE and not call.alone:
            # Loading can take minutes if weights are downloaded. Other models answer meanwhile.
            Thread(target=self._run_if_wanted, args=([call],), name=f"load-{call.model}", daemon=True).start()
            return
        if is_batched(call.method):
            call.places = sum(map(self._capabilities(call.model).places, call.items))
        with self._changed:
            if call.alone:
                self._alone.append(call)
            else:
                queue = self._queues.setdefault(call.key, _ModelQueue(call.model, is_batched(call.method)))
                queue.calls.put(call, call.developer_id, interactive=call.interactive, now=self._clock())
                queue.waiting_places += call.places
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (batch := self._take()):
                    self._changed.wait(self._seconds_until_flush())
                self._running.add(batch[0].model)
            try:
                self._run_if_wanted(batch)
            finally:
                with self._changed:
                    self._running.discard(batch[0].model)
                    self._changed.notify_all()

    def _take(self) -> list[Call]:
        """Returns the next batch, empty if none can run now."""
        if self._alone:
            return [] if self._running else [self._alone.popleft()]
        now = self._clock()
        ready = [(key, queue) for key, queue in self._queues.items() if self._is_ready(queue, now)]
        if not ready:
            return []
        key, queue = self._next(ready, now)
        batch: list[Call] = []
        places = 0
        while places < self._cap(queue.model) and (waiting := queue.calls.take(now)):
            batch.append(waiting.item)
            places += waiting.item.places
            if not queue.batched:
                break
        queue.waiting_places -= places
        if not len(queue.calls):
            del self._queues[key]
        return batch

    def _is_ready(self, queue: _ModelQueue, now: float) -> bool:
        if queue.model in self._running:
            return False
        full = not queue.batched or queue.waiting_places >= self._cap(queue.model)
        return full or now - (queue.calls.oldest() or 0.0) >= FLUSH_AFTER_SECONDS

    def _next(self, ready: Sequence[tuple[str, _ModelQueue]], now: float) -> tuple[str, _ModelQueue]:
        """Returns the queue with the oldest call. Queues with interactive calls go first, as within a queue."""
        oldest = min(ready, key=lambda one: one[1].calls.oldest() or 0.0)
        interactive = [one for one in ready if one[1].calls.interactive]
        if not interactive or oldest in interactive:
            self._passed = 0
            return oldest
        aged = now - (oldest[1].calls.oldest() or 0.0) >= AGED_AFTER_SECONDS
        if aged and self._passed >= MAX_PASSED:
            self._passed = 0
            return oldest
        self._passed += aged
        return min(interactive, key=lambda one: one[1].calls.oldest() or 0.0)

    def _seconds_until_flush(self) -> float | None:
        """Returns when to look again, None if only a change can make a batch ready."""
        if self._alone:
            return None
        since = [queue.calls.oldest() or 0.0 for queue in self._queues.values() if queue.model not in self._running]
        return max(min(since) + FLUSH_AFTER_SECONDS - self._clock(), 0.001) if since else None

    def _cap(self, model: str) -> int:
        return self._capabilities(model).max_batch

    def _capabilities(self, model: str) -> ModelCapabilities:
        try:
            return self._backends.capabilities(model)
        except BackendMissing:
            # The call gets the reason when it runs.
            return ModelCapabilities(licence="")

    def _run_if_wanted(self, batch: Sequence[Call]) -> None:
        self._run([call for call in batch if call.begin() or not call.result.cancel()])

    def _run(self, batch: list[Call]) -> None:
        if not batch or (failed := self._failed(batch)) is None:
            return
        # Smaller batches, so that one bad call fails alone.
        size = 1
        if is_out_of_memory(failed) and self._halve(batch[0].model):
            size = -(-len(batch) // 2)
        elif len(batch) == 1:
            batch[0].result.set_exception(failed)
            return
        for start in range(0, len(batch), size):
            part = batch[start : start + size]
            if (again := self._failed(part)) is not None:
                for call in part:
                    call.result.set_exception(again)

    def _halve(self, model: str) -> bool:
        """Halves the batches of a model, also those that it makes of one long recording. Returns False if it can't."""
        free_memory()
        if (before := self._cap(model)) == 1:
            return False
        try:
            backend = self._backends.load(self._backends.named(model))
        except BackendMissing:
            return False
        backend.capabilities = replace(backend.capabilities, max_batch=before // 2)
        log.warning("a model ran out of memory; its batches are halved", model=model, max_batch=before // 2)
        return True

    def _failed(self, batch: Sequence[Call]) -> Exception | None:
        """Runs a batch and sets its results. Returns the error if there is one."""
        try:
            results = self._results(batch)
        except BackendMissing as error:
            return error
        except Exception as error:
            log.exception("a model failed", model=batch[0].model, method=batch[0].method, calls=len(batch))
            return error
        for call, result in zip(batch, results, strict=True):
            call.result.set_result(result)
        return None

    def _results(self, batch: Sequence[Call]) -> list[Any]:
        """Returns what each call of a batch returns. All have the same method."""
        first = batch[0]
        backend = self._backends.load(self._backends.named(first.model))
        if first.method == DESCRIBE:
            return [describe(backend) for _ in batch]
        method = getattr(backend, first.method)
        if not is_batched(first.method):
            return [method(*call.arguments) for call in batch]
        found = list(method([item for call in batch for item in call.items], *first.arguments[1:]))
        results = []
        for call in batch:
            results.append(found[: len(call.items)])
            del found[: len(call.items)]
        return results


def free_memory() -> None:
    """Gives back what torch keeps of the memory of a GPU, if torch is loaded."""
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()


def describe(backend: Any) -> dict[str, Any]:
    """Returns what steps need to know of a loaded model."""
    languages = backend.capabilities.languages
    return {
        "backend": backend.backend,
        "name": backend.name,
        "licence": backend.capabilities.licence,
        "languages": None if languages is None else sorted(languages),
        "max_batch": backend.capabilities.max_batch,
        "frame_seconds": getattr(backend, "frame_seconds", None),
    }
