"""Chooses the scenario and the models of the next battle."""

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.domain import ModelKind
from services.elo.making.roster import Contender, Roster, RosterScenario, RosterStore
from services.elo.ratings import Contenders, PairDraw, draw_pair, draw_scenario
from services.elo.rendering.choosing import Budget, can_speak
from services.elo.rendering.store import NO_RENDERS, RendersOfModel, RenderStore
from services.runtime.clock import now
from services.runtime.event_loop import Stopwatch

MAX_ROSTER_AGE_SECONDS = 10.0
"""How old the roster of the public board may be. Models that were registered since then are not drawn yet."""
MAX_SCENARIO_DRAWS = 5
"""How many scenarios are tried if no two models can speak the first one now."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a battle will be about. The order of the models says nothing about sides."""

    scenario: RosterScenario
    first: Contender
    second: Contender
    pair: PairDraw


class Matchmaker:
    """Draws from rosters."""

    def __init__(self, rosters: RosterStore, renders: RenderStore, rng: random.Random) -> None:
        self._rosters = rosters
        self._renders = renders
        self._rng = rng
        self._public: tuple[Roster, Stopwatch] | None = None

    async def public_roster(self, connection: AsyncConnection) -> Roster:
        """Returns the roster of the public board, at most MAX_ROSTER_AGE_SECONDS old."""
        if self._public is None or self._public[1].seconds() > MAX_ROSTER_AGE_SECONDS:
            self._public = await self._rosters.public(connection), Stopwatch()
        return self._public[0]

    async def own_roster(self, connection: AsyncConnection, developer_id: str) -> Roster:
        """Returns the roster of a developer's private battles."""
        return await self._rosters.of_developer(connection, developer_id)

    async def names(self, connection: AsyncConnection, model_ids: Sequence[str]) -> frozenset[str]:
        """Returns the names by which models can be recognized."""
        return await self._rosters.names(connection, model_ids)

    async def draw(
        self,
        connection: AsyncConnection,
        roster: Roster,
        scenarios: Sequence[RosterScenario],
        budget: Budget,
        *,
        including: str = "",
        excluding: Collection[str] = (),
        only_usable: bool = False,
    ) -> Drawn | None:
        """Draws one of the scenarios and two models that can speak it now. Returns None if there are none.

        With `including`, that model is one of the two. With `only_usable`, both have a recording of the scenario
        already.
        """
        left = await self._speakable(connection, roster, scenarios, including)
        for _ in range(MAX_SCENARIO_DRAWS):
            scenario = self.draw_scenario(left)
            if scenario is None:
                return None
            left.remove(scenario)
            renders = await self._renders.of_scenario(connection, scenario.id, now())
            places = [
                place
                for place, model in enumerate(roster.models)
                if model.id not in excluding
                and model.can_speak(scenario)
                and can_speak(model.speaker, _of(renders, model), budget, only_usable=only_usable)
            ]
            # With 500 models a draw takes about 10 ms, which would delay other calls.
            if drawn := await asyncio.to_thread(self._pair, roster, scenario, places, including):
                return drawn
        return None

    def draw_scenario(self, scenarios: Sequence[RosterScenario]) -> RosterScenario | None:
        """Draws one of the scenarios, or returns None if there are none. Those that mostly tie are drawn less."""
        votes = np.array([each.votes for each in scenarios], dtype=np.intp)
        ties = np.array([each.ties for each in scenarios], dtype=np.intp)
        drawn = draw_scenario(votes, ties, self._rng)
        return scenarios[drawn.index] if drawn is not None else None

    async def _speakable(
        self, connection: AsyncConnection, roster: Roster, scenarios: Sequence[RosterScenario], including: str
    ) -> list[RosterScenario]:
        """Returns the scenarios that the model `including` can speak, all of them if it is empty."""
        if not including:
            return list(scenarios)
        model = next((each for each in roster.models if each.id == including), None)
        return [] if model is None else await self.speakable_by(connection, model, scenarios)

    async def speakable_by(
        self, connection: AsyncConnection, model: Contender, scenarios: Sequence[RosterScenario]
    ) -> list[RosterScenario]:
        """Returns the scenarios whose language a model speaks, or of which a recorded model has a recording."""
        found = [each for each in scenarios if model.can_speak(each)]
        if found and model.speaker.kind is ModelKind.RECORDED:
            recorded = await self._renders.scenarios_of(connection, model.id)
            found = [each for each in found if each.id in recorded]
        return found

    def _pair(self, roster: Roster, scenario: RosterScenario, places: Sequence[int], including: str) -> Drawn | None:
        models = [roster.models[place] for place in places]
        ids = [model.id for model in models]
        if including and including not in ids:
            return None
        square = np.ix_(places, places)
        pair = draw_pair(
            Contenders(
                ratings=roster.ratings[list(places)],
                half_widths=roster.half_widths[square],
                # All of them speak the language of the scenario.
                languages=[scenario.language_family] * len(models),
                voice_classes=[model.voice_class for model in models],
                prepared=roster.prepared[square],
            ),
            self._rng,
            including=ids.index(including) if including else None,
        )
        if pair is None:
            return None
        roster.count(places[pair.first], places[pair.second])
        return Drawn(scenario, models[pair.first], models[pair.second], pair)


def of_kind(roster: Roster, category: str, language: str) -> Sequence[RosterScenario]:
    """Returns the scenarios of a category and a language, in all its regions. Empty filters match all."""
    tag = language.lower()
    return [
        each
        for each in roster.scenarios
        if category in ("", each.category) and (not tag or f"{each.language.lower()}-".startswith(f"{tag}-"))
    ]


def _of(renders: Mapping[str, RendersOfModel], model: Contender) -> RendersOfModel:
    return renders.get(model.id, NO_RENDERS)
