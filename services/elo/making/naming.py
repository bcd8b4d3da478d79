"""What a developer names for a battle: it is found, and checked whether it can be used."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.domain import ModelKind, Visibility
from services.elo.making.entrants import Entrant, EntrantStore, NamedScenario, language_errors
from services.elo.making.new_battle import NewBattle
from services.elo.making.roster import RosterScenario
from services.elo.rendering.store import NO_RENDERS, RenderStore
from services.elo.visibility import Approval
from services.runtime.clock import now
from services.runtime.errors import NotFound
from services.runtime.validation import Validation


@dataclass(frozen=True, slots=True)
class Named:
    """What a developer has named for a battle: up to two models, and a scenario or none."""

    models: Sequence[Entrant]
    scenario: NamedScenario | None

    @property
    def anything(self) -> bool:
        """Whether something was named."""
        return bool(self.models) or self.scenario is not None

    @property
    def private(self) -> bool:
        """Whether some of it is private."""
        visibilities = [model.visibility for model in self.models]
        if self.scenario is not None:
            visibilities.append(self.scenario.visibility)
        return Visibility.PRIVATE in visibilities


class Naming:
    """Finds what developers name for battles."""

    def __init__(
        self, store: EntrantStore, renders: RenderStore, approval: Approval, providers: Collection[str]
    ) -> None:
        """`providers` are those that take part besides the local ones."""
        self._store = store
        self._renders = renders
        self._approval = approval
        self._providers = providers

    async def find(self, connection: AsyncConnection, wanted: NewBattle, developer_id: str) -> Named:
        """Returns the models and the scenario that a developer names.

        Raises NotFound if one of them does not exist for the developer, and InvalidInput if it can't be used.
        """
        found = await self._store.models(connection, wanted.model_ids, developer_id)
        for model_id in wanted.model_ids:
            if model_id not in found:
                raise NotFound.of("voice model", model_id)
        scenario = None
        if wanted.scenario_id:
            scenario = await self._store.scenario(connection, wanted.scenario_id, developer_id)
            if scenario is None:
                raise NotFound.of("scenario", wanted.scenario_id)
        models = [found[model_id] for model_id in wanted.model_ids]
        on = scenario.scenario if scenario else None
        valid = Validation()
        for model in models:
            error = model.error(developer_id, self._approval, self._providers)
            valid.require(not error, wanted.field_of(model.id), error)
        for model_id, error in language_errors(models, on).items():
            valid.require(False, wanted.field_of(model_id), error)
        if scenario is not None:
            error = scenario.error(developer_id, self._approval)
            valid.require(not error, "scenario_id", error)
            await self._check_speech(connection, wanted, models, scenario.scenario, valid)
        valid.finish()
        return Named(models, scenario)

    async def _check_speech(
        self,
        connection: AsyncConnection,
        wanted: NewBattle,
        models: Sequence[Entrant],
        scenario: RosterScenario,
        valid: Validation,
    ) -> None:
        renders = await self._renders.of_scenario(connection, scenario.id, now(), [m.id for m in models])
        for model in models:
            longest, field = model.contender.max_characters, wanted.field_of(model.id)
            fits = not longest or len(scenario.text) <= longest
            valid.require(
                fits, field, f"accepts at most {longest} characters, but the scenario has {len(scenario.text)}"
            )
            recorded = model.contender.speaker.kind is ModelKind.RECORDED
            valid.require(
                not recorded or bool(renders.get(model.id, NO_RENDERS).usable),
                field,
                "has no evaluated recording of this scenario that can be heard and is about as long as the text; "
                "upload one with POST /api/v1/evaluations, with its model_id and the scenario_id",
            )
