"""The part of the stand-in mesh for scenarios."""

# ruff: noqa: N802 - RPCs are named by the protos.
from __future__ import annotations

from typing import Any

from google.rpc import code_pb2
from voicearena.elo.v1 import elo_pb2, scenario_pb2, scenario_service_pb2, scenario_service_pb2_grpc

from tests.unit.cli.refusals import refuse
from tests.unit.cli.stand_in_battles import decided_battle

SCENARIO_ID = "scn_" + "0" * 32


def parcel() -> scenario_pb2.Scenario:
    """Returns a scenario with all that is shown of one."""
    found = scenario_pb2.Scenario(
        id=SCENARIO_ID,
        name="A parcel",
        category="parcels",
        description="On the phone.",
        difficulty=scenario_pb2.Scenario.hard,
        language="en",
        ground_truth_transcript="Your parcel 4815 is here.",
        visibility=elo_pb2.private,
        total_battles=3,
        total_votes=4,
        tie_share=0.25,
    )
    found.created_at.FromJsonString("2026-01-01T12:00:00Z")
    return found


class ScenariosStandIn(scenario_service_pb2_grpc.ScenarioServiceServicer):
    """One scenario with one battle. `requests` is what was sent."""

    requests: list[Any]

    async def CreateScenario(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return scenario_pb2.Scenario(id=SCENARIO_ID, name=request.name, awaits_approval=True)

    async def ListScenarios(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        found = [parcel()] if request.category != "empty" else []
        return scenario_service_pb2.ListScenariosResponse(scenarios=found)

    async def GetScenario(self, request: Any, context: Any) -> Any:
        if request.id != SCENARIO_ID:
            await refuse(context, code_pb2.NOT_FOUND, "NOT_FOUND", f"There is no scenario {request.id}.")
        return scenario_service_pb2.GetScenarioResponse(scenario=parcel(), battles=[decided_battle()])

    async def ArchiveScenario(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return scenario_pb2.Scenario(id=request.id, name="A parcel", archived=True)

    async def ApproveScenario(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return parcel()

    async def UpdateScenario(self, request: Any, context: Any) -> Any:
        raise NotImplementedError("no command changes a scenario")
