"""Makes a battle of two models and a scenario: its renders, its sides, and whether it is rated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import METHOD_VERSION, Battle, BattleStatus
from services.elo.domain import INSTALLATION
from services.elo.making.identity_leak import UNRATED_IDENTITY_LEAK, leaks
from services.elo.making.roster import Contender, RosterScenario
from services.elo.making.store import BattleStore
from services.elo.ratings import PairDraw
from services.elo.rendering.choosing import Budget, Renders
from services.elo.tables import RENDERS_CHANGED
from services.runtime import ids, telemetry
from services.runtime.clock import now
from services.runtime.db import notify


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who wants a battle, and how it was chosen."""

    developer_id: str = INSTALLATION
    owner: str = INSTALLATION
    private: bool = False
    chosen: bool = False
    pair: PairDraw | None = None
    """How the models were drawn. None if a developer named one of them."""
    webhook_url: str = ""
    request_id: str = ""
    fingerprint: bytes | None = None
    only_usable: bool = False
    """Whether both models must have a recording already, so that the battle opens at once."""


@dataclass(frozen=True, slots=True)
class Made:
    """A battle that is being prepared."""

    battle: Battle
    providers: Sequence[str]
    """The providers that were asked for a render. The caller must release them after its commit."""


class Making:
    """Makes battles in the transaction of the caller."""

    def __init__(self, store: BattleStore, renders: Renders, rng: random.Random) -> None:
        self._store = store
        self._renders = renders
        self._rng = rng

    async def make(
        self,
        connection: AsyncConnection,
        scenario: RosterScenario,
        models: tuple[Contender, Contender],
        budget: Budget,
        order: Order,
    ) -> Made | None:
        """Adds a battle. Returns None if a model can't speak the scenario now, or one of them was just changed.

        The caller must have checked that the models can meet.
        """
        moment = now()
        # Before the voices are copied, so that a change of a model is either before it or refused.
        named, public = [model.id for model in models], not order.private
        if not await self._store.settle(connection, named, scenario.id, scenario.text, moment, public=public):
            return None
        sides = models if self._rng.random() < 0.5 else (models[1], models[0])
        chosen = await self._renders.choose(
            connection, [model.speaker for model in sides], scenario.id, budget, only_usable=order.only_usable
        )
        if chosen is None:
            return None
        battle = _drawn(
            Battle(
                id=ids.new_id("bat"),
                status=BattleStatus.PREPARING,
                developer_id=order.developer_id,
                owner=order.owner,
                private=order.private,
                scenario_id=scenario.id,
                scenario_seq=scenario.seq,
                scenario_name=scenario.name,
                category=scenario.category,
                language=scenario.language,
                text=scenario.text,
                model_a_id=sides[0].id,
                model_a_seq=sides[0].seq,
                model_b_id=sides[1].id,
                model_b_seq=sides[1].seq,
                render_a_id=chosen.ids[0],
                render_b_id=chosen.ids[1],
                chosen=order.chosen,
                drawn=self._rng.random(),
                method_version=METHOD_VERSION,
                traceparent=telemetry.current_traceparent(),
                webhook_url=order.webhook_url,
                created_at=moment,
            ),
            order.pair,
        )
        battle = rated_unless_named(battle, sides[0].names | sides[1].names)
        await self._store.add(connection, battle, order.request_id, order.fingerprint)
        # Its renders may be ready.
        await notify(connection, RENDERS_CHANGED, battle.id)
        return Made(battle, chosen.providers)

    async def swap(
        self,
        connection: AsyncConnection,
        battle: Battle,
        sides: tuple[Contender, Contender],
        pair: PairDraw,
        budget: Budget,
    ) -> Made | None:
        """Gives a battle that the caller has locked other models. A side that stays keeps its render.

        Returns None if a new model can't speak the scenario now.
        """
        before = (battle.model_a_id, battle.render_a_id), (battle.model_b_id, battle.render_b_id)
        new = [side for side, (model_id, _) in zip(sides, before, strict=True) if side.id != model_id]
        named, public = [side.id for side in new], not battle.private
        if not await self._store.settle(connection, named, battle.scenario_id, battle.text, now(), public=public):
            return None
        chosen = await self._renders.choose(connection, [side.speaker for side in new], battle.scenario_id, budget)
        if chosen is None:
            return None
        of_new = dict(zip((side.id for side in new), chosen.ids, strict=True))
        swapped = replace(
            _drawn(battle, pair),
            model_a_id=sides[0].id,
            model_a_seq=sides[0].seq,
            model_b_id=sides[1].id,
            model_b_seq=sides[1].seq,
            render_a_id=of_new.get(sides[0].id, battle.render_a_id),
            render_b_id=of_new.get(sides[1].id, battle.render_b_id),
            swaps=battle.swaps + len(new),
        )
        swapped = rated_unless_named(swapped, sides[0].names | sides[1].names)
        await self._store.swap(connection, swapped)
        await notify(connection, RENDERS_CHANGED, battle.id)
        return Made(swapped, chosen.providers)


def rated_unless_named(battle: Battle, names: frozenset[str], *heard: str) -> Battle:
    """Returns a battle as unrated if its text, or what was heard, has one of the names of its sides."""
    leak = leaks(names, battle.text, *heard)
    return replace(battle, rated=not leak, unrated_reason=UNRATED_IDENTITY_LEAK if leak else "")


def _drawn(battle: Battle, pair: PairDraw | None) -> Battle:
    if pair is None:
        return battle
    return replace(
        battle,
        candidates=pair.candidates,
        probability=pair.probability,
        window_points=pair.window_points,
        inside_window=pair.inside_window,
    )
