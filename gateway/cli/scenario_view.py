"""Renders scenarios: a list, and one with its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from gateway.cli.rendering import WIDE_COLUMNS, keep_ids, moment, new_table, plain
from services.shared.reporting.formats import ABSENT, counted, percent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from voicearena.elo.v1.scenario_pb2 import Scenario


def scenarios_table(scenarios: Sequence[Scenario], width: int) -> RenderableType:
    """Returns scenarios in the given order. On a narrow terminal a scenario has two lines."""
    if not scenarios:
        return Text("No scenarios.")
    wide = width >= WIDE_COLUMNS
    numbers = ("Battles", "Ties")
    about = ("Category", "Difficulty", "Language")
    table = new_table("Id", "Name", *(about if wide else ()), *numbers, "State", right=numbers)
    keep_ids(table, [scenario.id for scenario in scenarios])
    for scenario in scenarios:
        described = _described(scenario)
        id_ = plain(scenario.id)
        table.add_row(
            id_ if wide else id_.append(f"\n{plain(', '.join(described))}", style="dim"),
            plain(scenario.name),
            *(map(plain, described) if wide else ()),
            str(scenario.total_battles),
            percent(scenario.tie_share) if scenario.HasField("tie_share") else ABSENT,
            ", ".join(_states(scenario)) or ABSENT,
        )
    return table


def scenario_card(scenario: Scenario) -> RenderableType:
    """Returns a scenario with its text."""
    ties = f", {scenario.tie_share:.0%} ties" if scenario.HasField("tie_share") else ""
    lines = [
        f"{scenario.id}  {scenario.name}",
        f"  about     {', '.join(_described(scenario))}",
        f"  text      {scenario.ground_truth_transcript}",
        *([f"  situation {scenario.description}"] if scenario.description else []),
        f"  state     {', '.join(_states(scenario)) or ABSENT}",
        f"  battles   {scenario.total_battles}, {counted(scenario.total_votes, 'vote')}{ties}",
        f"  created   {moment(scenario.created_at)}",
    ]
    return Group(*map(plain, lines))


def _described(scenario: Scenario) -> list[str]:
    return [scenario.category, scenario.Difficulty.Name(scenario.difficulty), scenario.language]


def _states(scenario: Scenario) -> list[str]:
    """Returns what distinguishes a scenario from a public one in use."""
    from voicearena.elo.v1.elo_pb2 import private

    states = {
        "private": scenario.visibility == private,
        "awaits approval": scenario.awaits_approval,
        "archived": scenario.archived,
    }
    return [name for name, true in states.items() if true]
