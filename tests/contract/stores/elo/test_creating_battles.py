"""A developer starts a battle: what is chosen, on which board it counts, and why it is refused."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from voicearena.elo.v1.battle_service_pb2 import CreateBattleRequest

from services.elo.battles.domain import Battle, BattleStatus
from services.elo.catalogue.tables import PROVIDERS, VOICE_MODELS
from services.elo.domain import INSTALLATION
from services.elo.making import matchmaker
from services.elo.making.new_battle import NewBattle
from services.elo.tables import SCENARIOS
from services.runtime.db import Database
from services.runtime.errors import ArenaError, InvalidInput, NotFound, QuotaExceeded, RequestIdReused, WrongState
from services.runtime.identity import Caller, Identity, set_caller
from services.runtime.request_ids import set_request
from tests.contract.stores.elo import rows
from tests.contract.stores.elo.making import Workshop

ADA, BOB = "dev_ada", "dev_bob"
SCENARIO = f"scn_{1:032x}"


def mdl(number: int) -> str:
    return f"mdl_{number:032x}"


@pytest.fixture(autouse=True)
def no_old_rosters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the matchmaker see each new model at once."""
    monkeypatch.setattr(matchmaker, "MAX_ROSTER_AGE_SECONDS", -1.0)


def call_as(developer_id: str) -> None:
    set_caller(Caller(Identity(developer_id, frozenset()), "token"))


async def workshop(database: Database, folder: Path, **settings: Any) -> Workshop:
    """Returns a workshop with three models of espeak and one scenario about support. Ada calls."""
    call_as(ADA)
    set_request(None)
    shop = Workshop(database, folder, **settings)
    await rows.add_provider(database, "espeak")
    await rows.add_models(database, mdl(1), mdl(2), mdl(3), language="en")
    await rows.add_scenario(database, SCENARIO)
    return shop


async def create(shop: Workshop, **wanted: Any) -> Battle:
    return await shop.making.creating.create(NewBattle(**wanted))


async def refused(shop: Workshop, **wanted: Any) -> ArenaError:
    with pytest.raises(ArenaError) as raised:
        await create(shop, **wanted)
    assert await shop.battles() == []
    return raised.value


async def test_two_named_models_fight_on_the_named_scenario(emptied_schema: Database, tmp_path: Path) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    battle = await create(shop, model_a_id=mdl(1), model_b_id=mdl(2), scenario_id=SCENARIO, webhook_url="https://a.b")
    assert {battle.model_a_id, battle.model_b_id} == {mdl(1), mdl(2)}
    assert (battle.status, battle.scenario_id, battle.developer_id) == (BattleStatus.PREPARING, SCENARIO, ADA)
    assert (battle.chosen, battle.probability, battle.rated, battle.webhook_url) == (True, None, True, "https://a.b")
    assert shop.endpoints.urls == ["https://a.b"]
    assert await shop.making.creating.secret_to_show(battle) == "whsec of https://a.b"
    await shop.speak_all()
    assert (await shop.battle()).status is BattleStatus.OPEN


async def test_the_sides_of_named_models_are_drawn(emptied_schema: Database, tmp_path: Path) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    for _ in range(20):
        await create(shop, model_a_id=mdl(1), model_b_id=mdl(2), scenario_id=SCENARIO)
    assert {battle.model_a_id for battle in await shop.battles()} == {mdl(1), mdl(2)}


async def test_a_category_or_nothing_leaves_the_choice_to_the_matchmaker(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = await workshop(emptied_schema, tmp_path, public_approval=True)
    await rows.add_scenario(emptied_schema, f"scn_{2:032x}", category="sales")
    for wanted in ({"category": "support"}, {}):
        battle = await create(shop, **wanted)
        assert battle.probability is not None
        assert (battle.owner, battle.chosen, battle.private) == (INSTALLATION, False, False)
        if wanted:
            assert battle.scenario_id == SCENARIO


async def test_one_named_model_meets_a_drawn_one(emptied_schema: Database, tmp_path: Path) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    await rows.add_models(emptied_schema, mdl(4), owner=ADA, arena=False)
    wanted, opponents = {mdl(1), mdl(2), mdl(3), mdl(4)}, set()
    # One of three is still missing after 100 draws with a probability of 1e-17.
    for _ in range(100):
        battle = await create(shop, model_a_id=mdl(4))
        assert mdl(4) in (battle.model_a_id, battle.model_b_id)
        assert (battle.chosen, battle.probability) == (True, None)
        opponents |= {battle.model_a_id, battle.model_b_id}
        if opponents == wanted:
            break
    assert opponents == wanted


async def test_custom_texts_get_the_same_draw_as_all_others(emptied_schema: Database, tmp_path: Path) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    await rows.add_scenario(emptied_schema, f"scn_{2:032x}", developer_id=ADA, visibility="private")
    wanted = {frozenset({mdl(one), mdl(other)}) for one, other in ((1, 2), (1, 3), (2, 3))}
    for scenario_id in (SCENARIO, f"scn_{2:032x}"):
        pairs = set()
        for _ in range(100):
            battle = await create(shop, scenario_id=scenario_id)
            assert (battle.candidates, battle.inside_window) == (3, True)
            assert battle.probability == pytest.approx(1 / 3, abs=0.34)
            pairs.add(frozenset({battle.model_a_id, battle.model_b_id}))
            if pairs == wanted:
                break
        assert pairs == wanted


@pytest.mark.parametrize(
    ("approval", "wanted", "board"),
    [
        (False, {"scenario_id": SCENARIO}, (INSTALLATION, False)),
        (True, {"scenario_id": SCENARIO}, (ADA, False)),
        (True, {"model_a_id": mdl(1), "model_b_id": mdl(2)}, (ADA, False)),
        (True, {"category": "support"}, (INSTALLATION, False)),
        (False, {"category": "support", "private": True}, (ADA, True)),
        (False, {"model_a_id": mdl(5), "model_b_id": mdl(2)}, (ADA, True)),
        (False, {"scenario_id": f"scn_{5:032x}"}, (ADA, True)),
    ],
)
async def test_what_a_developer_chose_counts_on_the_public_board_only_without_approval_and_never_if_private(
    emptied_schema: Database, tmp_path: Path, approval: bool, wanted: dict[str, Any], board: tuple[str, bool]
) -> None:
    shop = await workshop(emptied_schema, tmp_path, public_approval=approval)
    await rows.add_models(emptied_schema, mdl(5), owner=ADA, visibility="private")
    await rows.add_scenario(emptied_schema, f"scn_{5:032x}", developer_id=ADA, visibility="private", category="own")
    battle = await create(shop, **wanted)
    assert (battle.owner, battle.private) == board


async def test_a_board_of_our_own_is_drawn_from_the_developers_models_only(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    await rows.add_models(emptied_schema, mdl(5), mdl(6), owner=ADA, visibility="private", language="en")
    for _ in range(10):
        battle = await create(shop, private=True)
        assert {battle.model_a_id, battle.model_b_id} == {mdl(5), mdl(6)}


async def test_a_private_model_is_in_no_battle_of_others(emptied_schema: Database, tmp_path: Path) -> None:
    shop = await workshop(emptied_schema, tmp_path, battle_pool=30)
    await rows.add_models(emptied_schema, mdl(5), owner=BOB, visibility="private", language="en")
    while await shop.making.pool.fill():
        await shop.speak_all()
    for _ in range(10):
        await create(shop, private=True)
    assert not any(mdl(5) in (battle.model_a_id, battle.model_b_id) for battle in await shop.battles())


async def test_the_same_request_id_returns_the_first_battle(emptied_schema: Database, tmp_path: Path) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    set_request(CreateBattleRequest(category="support", request_id="r1"))
    first = await create(shop, category="support", request_id="r1")
    assert (await create(shop, category="support", request_id="r1")).id == first.id
    set_request(CreateBattleRequest(request_id="r1"))
    with pytest.raises(RequestIdReused):
        await create(shop, request_id="r1")
    assert len(await shop.battles()) == 1


@pytest.mark.parametrize(
    ("wanted", "field", "says"),
    [
        ({"model_a_id": mdl(1), "model_b_id": mdl(1)}, "model_b_id", "must be another voice model"),
        ({"category": "support", "scenario_id": SCENARIO}, "category", "must be empty if scenario_id is given"),
        ({"category": "Support!"}, "category", "a-z, 0-9 and _"),
        ({"webhook_url": "ftp://a"}, "webhook_url", "http or https"),
        ({"model_a_id": "mdl_1"}, "model_a_id", "32 hexadecimal digits"),
        ({"scenario_id": "x"}, "scenario_id", "32 hexadecimal digits"),
        ({"model_a_id": mdl(11), "model_b_id": mdl(1)}, "model_a_id", "was withdrawn; GET /api/v1/models"),
        ({"model_a_id": mdl(1), "model_b_id": mdl(12)}, "model_b_id", "speaks de, but the other voice model is in en"),
        (
            {"model_a_id": mdl(12), "scenario_id": SCENARIO},
            "model_a_id",
            "speaks de, but the scenario is in en; choose models of one language",
        ),
        (
            {"model_a_id": mdl(13), "scenario_id": SCENARIO},
            "model_a_id",
            "is about as long as the text; upload one with POST /api/v1/evaluations",
        ),
        ({"model_b_id": mdl(14)}, "model_b_id", "can't be used: no key"),
        ({"model_b_id": mdl(15)}, "model_b_id", "costs money"),
        ({"scenario_id": f"scn_{11:032x}"}, "scenario_id", "is archived; GET /api/v1/scenarios"),
        ({"model_a_id": mdl(16), "scenario_id": SCENARIO}, "model_a_id", "accepts at most 10 characters"),
    ],
)
async def test_what_can_not_be_compared_is_refused_with_what_to_do(
    emptied_schema: Database, tmp_path: Path, wanted: dict[str, Any], field: str, says: str
) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    await rows.add_models(emptied_schema, mdl(11), active=False)
    await rows.add_models(emptied_schema, mdl(12), language="de")
    await rows.add_models(emptied_schema, mdl(13), kind="recorded", provider="", language="en")
    for provider, model, local in (("broken", 14, True), ("openai", 15, False), ("short", 16, True)):
        await rows.add_provider(emptied_schema, provider, local=local)
        await rows.add_models(emptied_schema, mdl(model), provider=provider, language="en")
    async with emptied_schema.transaction() as connection:
        of = sa.update(PROVIDERS)
        await connection.execute(of.where(PROVIDERS.c.id == "broken").values(unavailable_reason="no key"))
        await connection.execute(of.where(PROVIDERS.c.id == "short").values(max_text_characters=10))
    await rows.add_scenario(emptied_schema, f"scn_{11:032x}", archived=True)
    error = await refused(shop, **wanted)
    assert isinstance(error, InvalidInput)
    assert [violation.field for violation in error.violations] == [field]
    assert says in error.violations[0].description


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ({"model_a_id": mdl(99)}, "voice model"),
        ({"model_a_id": mdl(5)}, "voice model"),
        ({"scenario_id": f"scn_{99:032x}"}, "scenario"),
        ({"scenario_id": f"scn_{5:032x}"}, "scenario"),
    ],
)
async def test_what_is_private_to_somebody_else_does_not_exist(
    emptied_schema: Database, tmp_path: Path, wanted: dict[str, Any], what: str
) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    await rows.add_models(emptied_schema, mdl(5), owner=BOB, visibility="private")
    await rows.add_scenario(emptied_schema, f"scn_{5:032x}", developer_id=BOB, visibility="private")
    error = await refused(shop, **wanted)
    assert isinstance(error, NotFound)
    assert error.metadata == {"resource": what}


async def test_what_awaits_approval_can_be_used_by_its_owner_only(emptied_schema: Database, tmp_path: Path) -> None:
    shop = await workshop(emptied_schema, tmp_path, public_approval=True)
    await rows.add_models(emptied_schema, mdl(5), owner=BOB, language="en")
    error = await refused(shop, model_a_id=mdl(5), scenario_id=SCENARIO)
    assert "awaits the approval of an operator" in error.message
    call_as(BOB)
    assert (await create(shop, model_a_id=mdl(5), scenario_id=SCENARIO)).owner == BOB


async def test_a_category_without_scenarios_is_refused_with_those_that_have_some(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    await rows.add_scenario(emptied_schema, f"scn_{2:032x}", developer_id=ADA, visibility="private", category="own")
    for private, there in ((False, "support"), (True, "own, support")):
        error = await refused(shop, category="medical", private=private)
        assert isinstance(error, InvalidInput)
        assert error.message == f"category: must be empty or a category that has scenarios: {there}"


async def test_a_category_without_models_within_reach_is_a_conflict(emptied_schema: Database, tmp_path: Path) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    await rows.add_models(emptied_schema, mdl(13), kind="recorded", provider="", language="en")
    error = await refused(shop, model_a_id=mdl(13))
    assert isinstance(error, WrongState)
    assert "A recorded model meets others only on scenarios of which it has an evaluated recording" in error.message
    async with emptied_schema.transaction() as connection:
        await connection.execute(sa.update(VOICE_MODELS).where(VOICE_MODELS.c.id != mdl(1)).values(arena=False))
    error = await refused(shop, category="support")
    assert isinstance(error, WrongState)
    assert "register one with `arena` set to true" in error.message


async def test_a_model_that_failed_lately_is_not_asked_again(emptied_schema: Database, tmp_path: Path) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    named = {"model_a_id": mdl(1), "model_b_id": mdl(2), "scenario_id": SCENARIO}
    battle = await create(shop, **named)
    await shop.asked_for()
    await shop.fail(battle.render_a_id or "")
    await shop.making.preparing.advance_all()
    assert (await shop.battle()).status is BattleStatus.VOID
    with pytest.raises(WrongState, match="failed to within the last hour"):
        await create(shop, **named)


async def test_too_many_unfinished_battles_and_a_used_up_day_are_quotas(
    emptied_schema: Database, tmp_path: Path
) -> None:
    shop = await workshop(emptied_schema, tmp_path, max_unfinished_battles=1)
    await create(shop)
    with pytest.raises(QuotaExceeded, match="You have 1 battles that are not decided yet"):
        await create(shop)
    shop = Workshop(emptied_schema, tmp_path, battles_per_day=1)
    with pytest.raises(QuotaExceeded, match="BATTLES_PER_DAY"):
        await create(shop)


async def test_models_and_scenarios_are_fixed_by_their_first_battle(emptied_schema: Database, tmp_path: Path) -> None:
    shop = await workshop(emptied_schema, tmp_path)
    battle = await create(shop, model_a_id=mdl(1), model_b_id=mdl(2), scenario_id=SCENARIO)
    async with emptied_schema.reading() as connection:
        models = await connection.execute(sa.select(VOICE_MODELS.c.id, VOICE_MODELS.c.first_battle_at))
        fixed = {row.id: row.first_battle_at for row in models}
        scenario = (await connection.execute(sa.select(SCENARIOS.c.first_battle_at))).scalar_one()
    assert fixed == {mdl(1): battle.created_at, mdl(2): battle.created_at, mdl(3): None}
    assert scenario == battle.created_at
