"""`arena up`, `arena demo` and `arena doctor`: the mesh itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.errors import ExitCode
from gateway.cli.session import JsonOption, Session, with_session


def up(
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the mesh keeps its data, .arena by default.", show_default=False)
    ] = None,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Keep nothing after the end.")] = False,
) -> None:
    """Run the whole mesh on this machine until Ctrl-C."""
    from gateway.cli.local_mesh import exec_runner

    exec_runner(data_dir, ephemeral)


def demo(
    context: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where its data and audio lie, .arena/demo by default.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start a mesh, compare three local voices, print the verdict, and stop the mesh again. The port is API_PORT."""
    from gateway.cli.demo import DATA_DIR, run_demo

    outer = context.find_object(Session) or Session()
    outer.json = as_json or outer.json
    run_demo(outer, data_dir or DATA_DIR)


@with_session
def doctor(
    session: Session,
    data_dir: Annotated[
        Path, typer.Option(help="The data directory of a mesh on this machine, to check its disk.")
    ] = Path(".arena"),
) -> None:
    """Check the installation, name what is wrong, and say what to do. Ends with 1 if there is a problem."""
    from gateway.cli.checks import Outcome, check_line
    from gateway.cli.doctor import run_checks

    checks = []
    for check in run_checks(session, data_dir):
        checks.append(check)
        if not session.json:
            session.out.print(check_line(check), soft_wrap=True)
    sound = all(check.outcome != Outcome.PROBLEM for check in checks)
    if session.json:
        documents = [
            {"name": check.name, "outcome": check.outcome.value, "detail": check.detail, "advice": check.advice}
            for check in checks
        ]
        session.print_document({"ok": sound, "checks": documents})
    if not sound:
        raise typer.Exit(ExitCode.UNEXPECTED)
