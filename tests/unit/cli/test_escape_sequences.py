"""Text from other users can't steer a terminal."""

from __future__ import annotations

from gateway.cli.commands.reports import _shown
from tests.unit.cli.stand_in import EXPERIMENT_ID, StandIn, run_arena

HOSTILE = "a\x1b]0;owned\x07b\x9b31mc\u202ed\u2028e\x7ff"


def test_an_export_on_a_terminal_keeps_only_printable_characters_newlines_and_tabs() -> None:
    shown = _shown(f"{HOSTILE}\r\n\tGrüße, 你好 ✓".encode()).decode()
    assert shown == "a ]0;owned b 31mc d e f \n\tGrüße, 你好 ✓"


async def test_no_command_prints_escape_sequences_that_came_from_the_server(mesh: StandIn, key: str) -> None:
    mesh.experiment.name = mesh.experiment.error_message = HOSTILE
    mesh.experiment.models.add(provider="x", voice_id=HOSTILE)
    mesh.results.reasons.append(HOSTILE)
    mesh.results.rankings.add(provider="x", voice_id=HOSTILE, rank=1, trials_completed=1)
    for command in ("results", "trials", "list", "retry"):
        for options in ((), ("--json",)):
            arguments = () if command == "list" else (EXPERIMENT_ID,)
            outcome = await run_arena("experiment", command, *arguments, *options)
            assert outcome.exit_code == 0
            output = f"{outcome.out}{outcome.err}"
            assert not {character for character in output if not (character.isprintable() or character in "\n\t")}
