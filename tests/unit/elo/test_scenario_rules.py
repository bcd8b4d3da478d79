"""Which scenarios are valid, how they change, and what seeding plans."""

import dataclasses
from collections.abc import Mapping

import pytest

from services.elo.domain import INSTALLATION, Visibility
from services.elo.scenarios import BuiltInScenario
from services.elo.scenarios.domain import Difficulty, Scenario, changed, check
from services.elo.scenarios.seeding import plan_seeding
from services.elo.visibility import Approval, is_visible
from services.runtime.errors import WrongState
from services.runtime.validation import Validation
from tests.unit.elo.test_resolve import NOON

LATER = NOON.replace(hour=13)


def scenario(**values: object) -> Scenario:
    plain = Scenario(
        id="scn_a",
        developer_id="dev_a",
        name="A parcel",
        category="parcels",
        description="",
        difficulty=Difficulty.EASY,
        language="en",
        ground_truth_transcript="Your parcel 4815 is here.",
        visibility=Visibility.PUBLIC,
        created_at=NOON,
        updated_at=NOON,
    )
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "violations"),
    [
        ({}, []),
        ({"ground_truth_transcript": "a" * 2000, "description": "d" * 2000, "category": "a" * 50}, []),
        ({"ground_truth_transcript": ""}, [("ground_truth_transcript", "must have 1 to 2000 characters")]),
        ({"ground_truth_transcript": " \n"}, [("ground_truth_transcript", "must not be only white space")]),
        (
            {"ground_truth_transcript": "a" * 10_000},
            [("ground_truth_transcript", "must have 1 to 2000 characters, got 10000")],
        ),
        *(
            (
                {"ground_truth_transcript": text},
                [("ground_truth_transcript", "must have a letter or a digit, so that it can be spoken")],
            )
            for text in ("...!", "\u200b", "\U0001f600")
        ),
        ({"ground_truth_transcript": "\u4f60\u597d"}, []),
        ({"ground_truth_transcript": "7"}, []),
        ({"description": "d" * 2001}, [("description", "must have at most 2000 characters, got 2001")]),
        ({"category": "a" * 51}, [("category", "must have 1 to 50 characters of a-z, 0-9 and _")]),
        ({"category": "Sales"}, [("category", "must have 1 to 50 characters of a-z, 0-9 and _")]),
        ({"language": "en_GB"}, [("language", "must be a BCP 47 tag of 2 to 35 characters, such as en or pt-BR")]),
        ({"name": ""}, [("name", "must have 1 to 200 characters")]),
    ],
)
def test_an_invalid_field_of_a_scenario_is_named(
    values: Mapping[str, object], violations: list[tuple[str, str]]
) -> None:
    valid = Validation()
    check(scenario(**values), valid)
    assert [(each.field, each.description) for each in valid.violations] == violations


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ({"ground_truth_transcript": "Other words."}, False),
        ({"language": "de"}, False),
        ({"visibility": Visibility.PRIVATE}, False),
        ({"ground_truth_transcript": "Your parcel 4815 is here.", "language": "en"}, True),
        ({"name": "Another", "category": "post", "description": "x", "difficulty": Difficulty.HARD}, True),
    ],
)
def test_what_is_spoken_stays_after_the_first_battle(values: Mapping[str, object], allowed: bool) -> None:
    fresh, fought = scenario(), scenario(first_battle_at=NOON)
    assert changed(fresh, values, LATER) == dataclasses.replace(fresh, **values, updated_at=LATER)  # type: ignore[arg-type]
    if allowed:
        assert changed(fought, values, LATER).first_battle_at == NOON
    else:
        with pytest.raises(WrongState):
            changed(fought, values, LATER)


def test_a_private_scenario_can_become_public_after_its_first_battle() -> None:
    private = scenario(visibility=Visibility.PRIVATE, first_battle_at=NOON)
    assert changed(private, {"visibility": Visibility.PUBLIC}, LATER).visibility is Visibility.PUBLIC


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"ground_truth_transcript": "Other words."}, None),
        ({"name": "Another"}, None),
        ({"difficulty": Difficulty.HARD}, NOON),
        ({"name": "A parcel"}, NOON),
    ],
)
def test_a_change_of_what_was_approved_needs_another_approval(values: Mapping[str, object], kept: object) -> None:
    assert changed(scenario(approved_at=NOON), values, LATER).approved_at == kept


@pytest.mark.parametrize(
    ("needed", "values", "awaits"),
    [
        (True, {}, True),
        (True, {"approved_at": NOON}, False),
        (True, {"developer_id": INSTALLATION}, False),
        (True, {"visibility": Visibility.PRIVATE}, False),
        (False, {}, False),
    ],
)
def test_public_scenarios_of_developers_await_approval(
    needed: bool, values: Mapping[str, object], awaits: bool
) -> None:
    assert Approval(needed).awaited_by(scenario(**values)) is awaits


def test_only_its_owner_sees_a_private_scenario() -> None:
    private = scenario(visibility=Visibility.PRIVATE)
    assert [is_visible(private, reader) for reader in ("dev_a", "dev_b", "")] == [True, False, False]
    assert is_visible(scenario(), "")


def test_the_share_of_ties_is_absent_without_votes() -> None:
    assert (scenario().tie_share, scenario(votes=4, ties=1).tie_share) == (None, 0.25)


FILE = BuiltInScenario(
    name="A parcel",
    category="parcels",
    description="",
    difficulty=Difficulty.EASY,
    language="en",
    ground_truth_transcript="Your parcel 4815 is here.",
)


def seeded(**values: object) -> Scenario:
    return scenario(developer_id=INSTALLATION, built_in="A parcel", **values)


def test_seeding_the_same_files_again_plans_nothing() -> None:
    plan = plan_seeding([seeded()], [FILE], LATER)
    assert (plan.updates, plan.additions) == ([], [])


def test_seeding_changes_what_is_not_spoken_in_place_even_after_a_battle() -> None:
    file = dataclasses.replace(FILE, category="post", difficulty=Difficulty.HARD)
    plan = plan_seeding([seeded(first_battle_at=NOON)], [file], LATER)
    expected = seeded(first_battle_at=NOON, category="post", difficulty=Difficulty.HARD, updated_at=LATER)
    assert (plan.updates, plan.additions) == ([expected], [])
