"""Converts between scenarios and protos."""

from dataclasses import replace

from voicearena.elo.v1 import elo_pb2, scenario_pb2, scenario_service_pb2

from services.elo.domain import Visibility
from services.elo.enums import enum_of, required
from services.elo.scenarios.domain import DEFAULT_LANGUAGE, Difficulty, Scenario
from services.elo.scenarios.store import Filters
from services.runtime.clock import now, timestamp
from services.runtime.identity import current_identity, current_reader

_DIFFICULTY, _VISIBILITY = scenario_pb2.Scenario.Difficulty, elo_pb2.Visibility


def scenario(found: Scenario, *, awaits_approval: bool) -> scenario_pb2.Scenario:
    """Returns a scenario as a message."""
    return scenario_pb2.Scenario(
        id=found.id,
        name=found.name,
        category=found.category,
        description=found.description,
        difficulty=_DIFFICULTY.Value(found.difficulty),
        language=found.language,
        ground_truth_transcript=found.ground_truth_transcript,
        visibility=_VISIBILITY.Value(found.visibility),
        developer_id=found.developer_id,
        archived=found.archived,
        awaits_approval=awaits_approval,
        created_at=timestamp(found.created_at),
        updated_at=timestamp(found.updated_at),
        total_battles=found.battles,
        total_votes=found.votes,
        tie_share=found.tie_share,
    )


def from_create(request: scenario_service_pb2.CreateScenarioRequest) -> Scenario:
    """Returns the scenario in a request, without id and owner. Raises InvalidInput for an unknown value of an enum."""
    return replace(
        _draft(request),
        difficulty=enum_of(Difficulty, _DIFFICULTY, request.difficulty, "difficulty") or Difficulty.MEDIUM,
        language=request.language or DEFAULT_LANGUAGE,
        visibility=enum_of(Visibility, _VISIBILITY, request.visibility, "visibility") or Visibility.PUBLIC,
    )


def from_update(request: scenario_service_pb2.UpdateScenarioRequest) -> tuple[Scenario, list[str]]:
    """Returns the new values and the paths to change: those in the mask, else the fields that are present.

    Raises InvalidInput for an unknown value of an enum, and if the mask names an enum that is absent.
    """
    paths = list(request.update_mask.paths)
    if not request.HasField("update_mask"):
        paths = [field.name for field, _ in request.ListFields() if field.name != "id"]
    difficulty = enum_of(Difficulty, _DIFFICULTY, request.difficulty, "difficulty")
    visibility = enum_of(Visibility, _VISIBILITY, request.visibility, "visibility")
    if "difficulty" in paths:
        difficulty = required(difficulty, Difficulty, "difficulty")
    if "visibility" in paths:
        visibility = required(visibility, Visibility, "visibility")
    return replace(
        _draft(request),
        id=request.id,
        difficulty=difficulty or Difficulty.MEDIUM,
        visibility=visibility or Visibility.PUBLIC,
    ), paths


def from_list(request: scenario_service_pb2.ListScenariosRequest) -> Filters:
    """Returns the filters in a request of the caller.

    Raises InvalidInput for an unknown difficulty, and Unauthenticated if `created_by_me` is set without an API key.
    """
    return Filters(
        reader=current_identity().developer_id if request.created_by_me else current_reader(),
        category=request.category,
        difficulty=enum_of(Difficulty, _DIFFICULTY, request.difficulty, "difficulty"),
        language=request.language,
        include_archived=request.include_archived,
        awaiting_approval=request.awaiting_approval,
        created_by_reader=request.created_by_me,
    )


def _draft(
    request: scenario_service_pb2.CreateScenarioRequest | scenario_service_pb2.UpdateScenarioRequest,
) -> Scenario:
    moment = now()
    return Scenario(
        id="",
        developer_id="",
        name=request.name,
        category=request.category,
        description=request.description,
        difficulty=Difficulty.MEDIUM,
        language=request.language,
        ground_truth_transcript=request.ground_truth_transcript,
        visibility=Visibility.PUBLIC,
        created_at=moment,
        updated_at=moment,
    )
