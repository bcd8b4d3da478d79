"""A few rounds of chaos that together cover the kinds of faults of `make chaos`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos.chaos_mesh import chaos_mesh
from tests.chaos.faults import DUPLICATE, FULL_DISK, REORDER
from tests.chaos.rounds import Chaos
from tests.chaos.voting import MIN_VOTES


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chaos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """The mesh of all rounds."""
    async with chaos_mesh(tmp_path_factory.mktemp("rounds")) as chaos:
        yield chaos


@pytest.mark.parametrize(
    ("seed", "faults"),
    [
        (1, ["kill tts", "kill scoring", DUPLICATE, REORDER]),
        (2, ["wipe nats", "kill experiments", "kill elo", DUPLICATE]),
        (3, ["providers answer 429", "restart postgres", REORDER]),
        (4, ["pause tts", "kill all services", DUPLICATE, REORDER]),
        (5, [FULL_DISK, DUPLICATE]),
        (6, ["kill evaluation_worker", "restart nats", "kill model_owner", DUPLICATE]),
    ],
)
async def test_nothing_is_lost_doubled_or_left_over(chaos: Chaos, seed: int, faults: list[str]) -> None:
    if FULL_DISK in faults and chaos.disk is None:
        pytest.skip("no small disk can be mounted here")
    outcome = await chaos.round(seed, faults)
    assert outcome.audit.errors == []
    assert sum(outcome.audit.trials.values()) > 0
    assert outcome.audit.evaluations
    assert outcome.requests.total() > 0
    assert outcome.audit.votes >= MIN_VOTES
    assert outcome.audit.battles["open"] + outcome.audit.battles["decided"] > 0
    assert (DUPLICATE in faults) is (outcome.duplicates > 0)
