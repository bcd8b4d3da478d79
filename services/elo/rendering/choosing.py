"""Chooses the render with which a model takes part in a battle, and requests another one while there are too few."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.domain import ModelKind
from services.elo.rendering.domain import DEFAULT_RENDERS_PER_SCENARIO
from services.elo.rendering.store import NO_RENDERS, RendersOfModel, RenderStore, lock_renders
from services.runtime import telemetry
from services.runtime.clock import now


@dataclass(frozen=True, slots=True)
class Speaker:
    """A model that is to speak a scenario."""

    model_id: str
    kind: ModelKind
    provider: str


@dataclass(frozen=True, slots=True)
class RenderRules:
    """The settings of renders."""

    per_scenario: int = DEFAULT_RENDERS_PER_SCENARIO
    hosted_per_day: int = 200
    """How many renders each provider that is not on this machine may be asked for in 24 hours."""


@dataclass(slots=True)
class Budget:
    """What the hosted providers may still be asked for."""

    left: dict[str, int] = field(default_factory=dict)
    """By provider. A provider that is not in it has no limit."""

    def allows(self, provider: str) -> bool:
        """Returns whether another render may be requested."""
        return self.left.get(provider, 1) > 0

    def spend(self, provider: str) -> None:
        """Counts a request."""
        if provider in self.left:
            self.left[provider] -= 1


def can_speak(speaker: Speaker, renders: RendersOfModel, budget: Budget, *, only_usable: bool = False) -> bool:
    """Returns whether a model can be a side of a battle on a scenario of which it has these renders.

    With `only_usable`, it can only if the battle could open at once.
    """
    if renders.usable or only_usable:
        return bool(renders.usable)
    if speaker.kind is ModelKind.RECORDED or renders.failed_lately:
        return False
    return bool(renders.unfinished) or budget.allows(speaker.provider)


class Renders:
    """Chooses and requests renders."""

    def __init__(self, store: RenderStore, rules: RenderRules, rng: random.Random) -> None:
        self._store = store
        self._rules = rules
        self._rng = rng

    async def budget(self, connection: AsyncConnection) -> Budget:
        """Returns what the hosted providers may still be asked for."""
        asked = await self._store.hosted(connection, now() - timedelta(days=1))
        return Budget({provider: self._rules.hosted_per_day - count for provider, count in asked.items()})

    async def choose(
        self,
        connection: AsyncConnection,
        speakers: Sequence[Speaker],
        scenario_id: str,
        budget: Budget,
        *,
        only_usable: bool = False,
    ) -> "ChosenRenders | None":
        """Returns a render of each model, or None if one of them can't speak the scenario now.

        While a model has too few renders of the scenario, another one is requested, unless only usable ones are wanted.
        Afterwards one of them is drawn, so that a battle costs no synthesis. The caller must release the `providers`
        after its commit.
        """
        models = [speaker.model_id for speaker in speakers]
        # Otherwise two battles could add the same number. Always in the same order, so that none waits for the other.
        for model_id in sorted(models):
            await lock_renders(connection, model_id, scenario_id)
        moment = now()
        found = await self._store.of_scenario(connection, scenario_id, moment, models)
        providers: list[str] = []
        chosen: list[str] = []
        for speaker in speakers:
            renders = found.get(speaker.model_id, NO_RENDERS)
            if not can_speak(speaker, renders, budget, only_usable=only_usable):
                return None
            if only_usable or not self._asks_for_another(speaker, renders, budget):
                chosen.append(self._rng.choice(renders.usable or renders.unfinished))
                continue
            budget.spend(speaker.provider)
            providers.append(speaker.provider)
            trace = telemetry.current_traceparent()
            chosen.append(
                await self._store.add(connection, speaker.model_id, scenario_id, traceparent=trace, at=moment)
            )
        return ChosenRenders(chosen, providers)

    def _asks_for_another(self, speaker: Speaker, renders: RendersOfModel, budget: Budget) -> bool:
        if speaker.kind is ModelKind.RECORDED or renders.failed_lately or not budget.allows(speaker.provider):
            return False
        return len(renders.usable) + len(renders.unfinished) < self._rules.per_scenario


@dataclass(frozen=True, slots=True)
class ChosenRenders:
    """The renders of models, in the order of the models."""

    ids: Sequence[str]
    providers: Sequence[str]
    """The providers that were asked for a render."""
