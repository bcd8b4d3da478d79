"""Known answers for ratings: votes and the board that must come out, computed in two independent ways."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from services.elo.ratings import Board, Method, VoteKind, Votes, VotesByKind, publish

OUTCOMES = ("a", "b", "tie")


@cache
def rating_vectors() -> dict[str, Any]:
    """Returns the whole file."""
    return json.loads((Path(__file__).parent / "ratings.json").read_text())


def rating_case(name: str) -> dict[str, Any]:
    """Returns one case by its name, such as `small`."""
    return next(case for case in rating_vectors()["cases"] if case["name"] == name)


def cases_with(expected: str) -> list[str]:
    """Returns the names of the cases that expect a value, such as `rank`."""
    return [case["name"] for case in rating_vectors()["cases"] if expected in case["expect"]]


def votes_of(case: dict[str, Any]) -> VotesByKind:
    """Returns the votes of a case. Voters are v0, v1, ... and scenarios s0, s1, ..."""
    by_kind: dict[VoteKind, Votes] = {}
    for kind in VoteKind:
        rows = [row for row in case["votes"] if row[0] == kind]
        if rows:
            _, voters, scenarios, a, b, outcomes = zip(*rows, strict=True)
            by_kind[kind] = Votes.of(
                a,
                b,
                [OUTCOMES.index(outcome) for outcome in outcomes],
                [int(scenario[1:]) for scenario in scenarios],
                [int(voter[1:]) for voter in voters] if kind is VoteKind.HUMAN else None,
            )
    return by_kind


@cache
def board_of(name: str) -> Board:
    """Returns the board of a case, with the exact jackknife of each cluster as in the vectors."""
    case = rating_case(name)
    method = Method(ridge=case["ridge"], slot_effect=case["slot"], exact_cluster_share=0.0)
    return publish(votes_of(case), case["models"], method)
