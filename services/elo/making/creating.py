"""The use case of a developer who starts a battle."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle
from services.elo.domain import INSTALLATION, ModelKind
from services.elo.making.making import Made, Making, Order
from services.elo.making.matchmaker import Matchmaker, of_kind
from services.elo.making.naming import Named, Naming
from services.elo.making.new_battle import NewBattle
from services.elo.making.roster import Contender, Roster, RosterScenario
from services.elo.making.store import BattleStore
from services.elo.ratings import PairDraw
from services.elo.rendering.choosing import Budget, Renders
from services.elo.scenarios.kinds import ScenarioKinds
from services.elo.visibility import Approval
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import QuotaExceeded, WrongState
from services.runtime.identity import current_identity
from services.runtime.named_locks import lock_name
from services.runtime.request_ids import current_fingerprint
from services.shared.clips.dispatching import Dispatcher
from services.shared.webhook_endpoints import WebhookEndpointClient, secret_if_available

DAY = timedelta(days=1)
REGISTER = "Name two voice models and a scenario, or register one with `arena` set to true."
RECORD = (
    "A recorded model meets others only on scenarios of which it has an evaluated recording. Upload one with POST "
    "/api/v1/evaluations, with its model_id and a scenario_id."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationRules:
    """The settings of battles that developers start."""

    max_unfinished: int
    battles_per_day: int


class CreateBattles:
    """Starts battles for the caller."""

    def __init__(
        self,
        database: Database,
        store: BattleStore,
        naming: Naming,
        renders: Renders,
        matchmaker: Matchmaker,
        making: Making,
        dispatcher: Dispatcher,
        endpoints: WebhookEndpointClient,
        kinds: ScenarioKinds,
        approval: Approval,
        rules: CreationRules,
    ) -> None:
        self._database = database
        self._store = store
        self._naming = naming
        self._renders = renders
        self._matchmaker = matchmaker
        self._making = making
        self._dispatcher = dispatcher
        self._endpoints = endpoints
        self._kinds = kinds
        self._approval = approval
        self._rules = rules

    async def create(self, wanted: NewBattle) -> Battle:
        """Starts a battle and returns it. It opens when both sides are spoken and evaluated.

        Raises InvalidInput if a named model or scenario can't be used, NotFound if it does not exist for the caller,
        WrongState if no two models can speak such a scenario now, and QuotaExceeded if the caller has too many
        unfinished battles or the budget of the day is used up.
        """
        wanted.check()
        developer_id = current_identity().developer_id
        if wanted.webhook_url:
            await self._endpoints.ensure(wanted.webhook_url)
        async with self._database.transaction() as connection:
            # Simultaneous requests of one developer must not all pass the check of the quota.
            await lock_name(connection, f"battles of {developer_id}")
            if wanted.request_id and (
                before := await self._store.find_request(connection, developer_id, wanted.request_id)
            ):
                return before.repeated()
            named = await self._naming.find(connection, wanted, developer_id)
            await self._check_quotas(connection, developer_id)
            made = await self._make(connection, wanted, developer_id, named)
        await self._dispatcher.release(made.providers)
        return made.battle

    async def secret_to_show(self, battle: Battle) -> str:
        """Returns the secret of the webhook endpoint that this or an earlier battle made, unless it was shown."""
        return await secret_if_available(self._endpoints, battle.webhook_url)

    async def _check_quotas(self, connection: AsyncConnection, developer_id: str) -> None:
        limit = self._rules.max_unfinished
        if await self._store.unfinished(connection, developer_id) >= limit:
            raise QuotaExceeded(
                f"You have {limit} battles that are not decided yet, and that is the limit. Wait until one of them is.",
                limit=str(limit),
            )
        limit = self._rules.battles_per_day
        if await self._store.made_since(connection, now() - DAY) >= limit:
            raise QuotaExceeded(
                f"This installation makes {limit} battles within 24 hours (BATTLES_PER_DAY), and has made them. Try "
                "again later.",
                limit=str(limit),
            )

    async def _make(self, connection: AsyncConnection, wanted: NewBattle, developer_id: str, named: Named) -> Made:
        private = wanted.private or named.private
        own = private or (named.anything and self._approval.needed)
        if private:
            roster = await self._matchmaker.own_roster(connection, developer_id)
        else:
            roster = await self._matchmaker.public_roster(connection)
        budget = await self._renders.budget(connection)
        drawn = await self._draw(connection, wanted, roster, budget, named)
        if drawn is None:
            await self._kinds.check(connection, developer_id if private else INSTALLATION, wanted.category)
            recorded = any(model.contender.speaker.kind is ModelKind.RECORDED for model in named.models)
            raise WrongState(f"No two voice models can speak such a scenario now. {RECORD if recorded else REGISTER}")
        on, sides, pair = drawn
        order = Order(
            developer_id=developer_id,
            owner=developer_id if own else INSTALLATION,
            private=private,
            chosen=named.anything,
            pair=pair,
            webhook_url=wanted.webhook_url,
            request_id=wanted.request_id,
            fingerprint=current_fingerprint(),
        )
        made = await self._making.make(connection, on, sides, budget, order)
        if made is None:
            raise WrongState(
                "A voice model can't speak this scenario now: it failed to within the last hour, or its provider was "
                "asked for as many recordings as HOSTED_RENDERS_PER_DAY allows. Choose another scenario, or try again "
                "later."
            )
        return made

    async def _draw(
        self, connection: AsyncConnection, wanted: NewBattle, roster: Roster, budget: Budget, named: Named
    ) -> tuple[RosterScenario, tuple[Contender, Contender], PairDraw | None] | None:
        """Returns the scenario and the models, and how the models were drawn unless the developer named one."""
        models = named.models
        if named.scenario is not None:
            scenarios: Sequence[RosterScenario] = [named.scenario.scenario]
        else:
            scenarios = of_kind(roster, wanted.category, "")
            for model in models:
                scenarios = await self._matchmaker.speakable_by(connection, model.contender, scenarios)
        if len(models) == 2:
            drawn_scenario = self._matchmaker.draw_scenario(scenarios)
            sides = models[0].contender, models[1].contender
            return (drawn_scenario, sides, None) if drawn_scenario else None
        for model in models:
            roster = roster.with_model(model.contender)
        own = [each.id for each in roster.models if each.developer_id == current_identity().developer_id]
        only_own = wanted.private and not models and len(own) > 1
        drawn = await self._matchmaker.draw(
            connection,
            roster,
            scenarios,
            budget,
            including=models[0].id if models else "",
            excluding=[each.id for each in roster.models if each.id not in own] if only_own else (),
        )
        return (drawn.scenario, (drawn.first, drawn.second), None if models else drawn.pair) if drawn else None
