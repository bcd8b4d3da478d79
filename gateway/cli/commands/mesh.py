"""`arena up`, `arena demo` and `arena doctor`: run the mesh and check it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.errors import ExitCode
from gateway.cli.session import CliSession, JsonOption, with_session


def up(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="The data directory of the mesh. Default: ARENA_DATA_DIR, or .arena.", show_default=False),
    ] = None,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Use a temporary data directory, deleted at the end.")
    ] = False,
) -> None:
    """Run the whole mesh on this machine until Ctrl-C."""
    from gateway.cli.local_mesh import exec_runner

    exec_runner(data_dir, ephemeral)


def demo(
    context: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option(help="The directory for data and audio. Default: .arena/demo.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start a mesh, compare three local voices, print the verdict and stop the mesh. API_PORT sets the port."""
    from gateway.cli.demo import DATA_DIR, run_demo

    outer = context.find_object(CliSession) or CliSession()
    outer.json = as_json or outer.json
    run_demo(outer, data_dir or DATA_DIR)


@with_session
def doctor(
    session: CliSession,
    data_dir: Annotated[
        Path, typer.Option(help="The data directory of a mesh on this machine, to check its disk.")
    ] = Path(".arena"),
) -> None:
    """Check the installation: say what is wrong and how to fix it. The exit code is 1 if there is a problem."""
    from gateway.cli.checks import CheckOutcome, check_line
    from gateway.cli.doctor import run_checks

    checks = []
    for check in run_checks(session, data_dir):
        checks.append(check)
        if not session.json:
            session.out.print(check_line(check), soft_wrap=True)
    ok = all(check.outcome != CheckOutcome.PROBLEM for check in checks)
    if session.json:
        documents = [
            {"name": check.name, "outcome": check.outcome.value, "detail": check.detail, "advice": check.advice}
            for check in checks
        ]
        session.print_document({"ok": ok, "checks": documents})
    if not ok:
        raise typer.Exit(ExitCode.UNEXPECTED)
