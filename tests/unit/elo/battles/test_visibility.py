"""Who may see a battle, and who may know its models."""

from typing import Any

import pytest

from services.elo.battles.domain import Battle, BattleStatus
from services.elo.battles.visibility import Viewer
from services.runtime.identity import Caller, Identity, Voter, set_caller
from tests.contract.stores.elo.rows import battle

NOBODY = Viewer()
ALICE, BOB = Viewer(developer_id="dev_a"), Viewer(developer_id="dev_b")
VOTER, INVITED = Viewer(voter_id="usr_a"), Viewer(voter_id="usr_a", invited_by="dev_a")
MODELS_OF_ALICE = {"developer_id": "dev_a", "chosen": True, "probability": None}


def some_battle(**values: Any) -> Battle:
    return battle("bat_a", ("mdl_a", 1), ("mdl_b", 2), 1, **values)


@pytest.mark.parametrize("viewer", [NOBODY, ALICE, BOB, VOTER, INVITED])
def test_everybody_sees_a_public_battle(viewer: Viewer) -> None:
    assert viewer.may_see(some_battle(developer_id="dev_a"))


@pytest.mark.parametrize(
    ("viewer", "sees"), [(NOBODY, False), (ALICE, True), (BOB, False), (VOTER, False), (INVITED, True)]
)
def test_only_its_developer_and_their_voters_see_a_private_battle(viewer: Viewer, sees: bool) -> None:
    assert viewer.may_see(some_battle(developer_id="dev_a", private=True)) is sees


def test_nobody_sees_a_private_battle_without_a_developer() -> None:
    assert not NOBODY.may_see(some_battle(developer_id="", private=True))


@pytest.mark.parametrize("viewer", [NOBODY, ALICE, VOTER])
@pytest.mark.parametrize("status", [BattleStatus.DECIDED, BattleStatus.VOID])
def test_everybody_may_know_the_models_of_a_battle_that_has_ended(viewer: Viewer, status: BattleStatus) -> None:
    assert viewer.may_know_models(some_battle(status=status), voted=False)


@pytest.mark.parametrize("status", [BattleStatus.PREPARING, BattleStatus.OPEN])
def test_an_open_battle_tells_its_models_to_those_who_chose_them_and_those_who_voted(status: BattleStatus) -> None:
    chosen = some_battle(status=status, **MODELS_OF_ALICE)
    assert ALICE.may_know_models(chosen, voted=False)
    assert VOTER.may_know_models(chosen, voted=True)
    for other in (NOBODY, BOB, VOTER, INVITED):
        assert not other.may_know_models(chosen, voted=False)


def test_a_developer_who_chose_only_the_scenario_does_not_know_the_models() -> None:
    drawn = some_battle(developer_id="dev_a", chosen=True, probability=0.1)
    assert not ALICE.may_know_models(drawn, voted=False)


@pytest.mark.parametrize(
    ("caller", "viewer"),
    [
        (None, NOBODY),
        (Caller(Identity("dev_a", frozenset()), ""), ALICE),
        (Caller(None, "", Voter("usr_a")), VOTER),
        (Caller(None, "", Voter("usr_a", "dev_a")), INVITED),
    ],
)
def test_the_viewer_is_the_caller(caller: Caller | None, viewer: Viewer) -> None:
    set_caller(caller)
    assert Viewer.of_call() == viewer
    set_caller(None)
