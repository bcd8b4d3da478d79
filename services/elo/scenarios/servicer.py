"""ScenarioService: converts requests, calls use cases and converts their results."""

from voicearena.elo.v1 import scenario_pb2, scenario_service_pb2, scenario_service_pb2_grpc

from services.elo.battles import convert as convert_battle
from services.elo.battles.domain import BattleStatus
from services.elo.battles.reading import ReadBattles
from services.elo.battles.views import BattleFilters
from services.elo.scenarios import convert
from services.elo.scenarios.domain import Scenario
from services.elo.scenarios.usecases import Scenarios
from services.elo.visibility import Approval
from services.runtime.rpc import Context

MAX_LATEST_BATTLES = 20


class ScenarioServicer(scenario_service_pb2_grpc.ScenarioServiceServicer):
    """Implements ScenarioService. The proto describes the RPCs."""

    def __init__(self, scenarios: Scenarios, battles: ReadBattles, approval: Approval) -> None:
        self._scenarios = scenarios
        self._battles = battles
        self._approval = approval

    async def CreateScenario(
        self, request: scenario_service_pb2.CreateScenarioRequest, context: Context
    ) -> scenario_pb2.Scenario:
        return self._message(await self._scenarios.create(convert.from_create(request), request.request_id))

    async def ListScenarios(
        self, request: scenario_service_pb2.ListScenariosRequest, context: Context
    ) -> scenario_service_pb2.ListScenariosResponse:
        filters = convert.from_list(request)
        scenarios, token = await self._scenarios.page(filters, request.page_size, request.page_token)
        return scenario_service_pb2.ListScenariosResponse(
            scenarios=map(self._message, scenarios), next_page_token=token
        )

    async def GetScenario(
        self, request: scenario_service_pb2.GetScenarioRequest, context: Context
    ) -> scenario_service_pb2.GetScenarioResponse:
        scenario = await self._scenarios.get(request.id)
        decided = BattleFilters(scenario_id=scenario.id, status=BattleStatus.DECIDED)
        battles, _ = await self._battles.page(decided, MAX_LATEST_BATTLES, "")
        return scenario_service_pb2.GetScenarioResponse(
            scenario=self._message(scenario), battles=map(convert_battle.battle, battles)
        )

    async def UpdateScenario(
        self, request: scenario_service_pb2.UpdateScenarioRequest, context: Context
    ) -> scenario_pb2.Scenario:
        return self._message(await self._scenarios.update(*convert.from_update(request)))

    async def ArchiveScenario(
        self, request: scenario_service_pb2.ArchiveScenarioRequest, context: Context
    ) -> scenario_pb2.Scenario:
        return self._message(await self._scenarios.archive(request.id))

    async def ApproveScenario(
        self, request: scenario_service_pb2.ApproveScenarioRequest, context: Context
    ) -> scenario_pb2.Scenario:
        return self._message(await self._scenarios.approve(request.id))

    def _message(self, scenario: Scenario) -> scenario_pb2.Scenario:
        return convert.scenario(scenario, awaits_approval=self._approval.awaited_by(scenario))
