"""Runs the table of API cases over each protocol: all protocols give the same responses and errors."""

from typing import Any

import pytest

from tests.contract.cases import CASES
from tests.contract.cases.case import CODES, HTTP_STATUS, Case, Fails, Ok
from tests.contract.clients import PROTOCOLS, Client
from tests.contract.leftovers import Leftovers
from tests.contract.matching import differences
from tests.contract.outcome import Outcome
from tests.contract.rpcs import public_rpcs, rpcs
from tests.contract.world import World

# The streams that end after an hour only. They have tests of their own.
ENDLESS = {"LeaderboardService.WatchLeaderboard"}


def test_every_public_rpc_has_a_case_that_succeeds() -> None:
    succeeding = {case.rpc for case in CASES if isinstance(case.expect, Ok)}
    assert succeeding == set(public_rpcs()) - ENDLESS


def test_every_case_of_an_rpc_has_a_unique_name() -> None:
    names = [(case.rpc, case.name) for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rpc.partition('.')[2]}: {case.name}")
async def test_case(case: Case, protocol: str, clients: dict[str, Client], world: World, leftovers: Leftovers) -> None:
    case_values: dict[str, Any] = {}
    request = await world.resolve(case.request, case_values)
    headers = await world.headers(case.caller)
    before = await leftovers.rows() if isinstance(case.expect, Fails) else {}

    outcome = await clients[protocol].call(rpcs()[case.rpc], request, headers)

    if isinstance(case.expect, Fails):
        _check_failure(case.expect, outcome, protocol)
        assert await leftovers.rows() == before
    else:
        assert outcome.code == "OK", f"{outcome.code} {outcome.reason}: {outcome.message}"
        expected = await world.resolve(case.expect.fields, case_values)
        assert list(differences(expected, dict(outcome.messages[-1]))) == []


def _check_failure(expected: Fails, outcome: Outcome, protocol: str) -> None:
    reason = expected.reason_over(protocol)
    assert (outcome.reason, outcome.code, outcome.fields) == (reason, CODES[reason], expected.fields), outcome.message
    if protocol == "json":
        assert outcome.http_status == HTTP_STATUS[outcome.code]
    for field in expected.fields:
        assert field in outcome.message
    assert expected.says in outcome.message
    assert not list(differences(expected.metadata, dict(outcome.metadata)))
