"""`arena`: combines the commands, and turns every error into lines on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from gateway.cli.commands import (
    account,
    battle,
    cards,
    evaluation,
    experiment,
    keys,
    leaderboard,
    lifecycle,
    listening,
    mesh,
    metrics,
    model,
    reports,
    scenario,
    speech,
    webhooks,
)
from gateway.cli.errors import EXIT_CODES_HELP, CliError, ExitCode
from gateway.cli.session import CliSession, JsonOption, KeyOption, UrlOption

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find out which voice AI is best for a job.",
    epilog=EXIT_CODES_HELP,
)


@app.callback()
def shared(context: typer.Context, url: UrlOption = None, key: KeyOption = None, as_json: JsonOption = False) -> None:
    """Find out which voice AI is best for a job."""
    context.obj = CliSession(url, key, as_json)


app.command()(mesh.up)
app.command()(mesh.demo)
app.command()(mesh.doctor)
app.command()(account.register)
app.command()(account.login)
app.command()(speech.voices)
app.command()(speech.say)
app.command()(evaluation.evaluate)
lifecycle.add_to(experiment.app)
reports.add_to(experiment.app)
webhooks.add_to(experiment.app)
cards.add_to(leaderboard.app, model.app, experiment.app)
app.add_typer(experiment.app, name="experiment")
app.add_typer(evaluation.app, name="evaluation")
app.add_typer(battle.app, name="battle")
app.add_typer(leaderboard.app, name="leaderboard")
app.add_typer(metrics.app, name="metrics")
app.add_typer(model.app, name="model")
app.add_typer(scenario.app, name="scenario")
app.add_typer(listening.app, name="listen")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(keys.app, name="keys")


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code. ARENA_DEBUG=1 also prints the traceback of an error."""
    # gRPC's own log lines would mix with the output. The exceptions have the same information.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        app(args=list(arguments), prog_name="arena")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except CliError as error:
        _print_error(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - a user gets one line instead of a traceback
        _print_error(
            CliError(f"Unexpected {type(error).__name__}: {error}", hint="Set ARENA_DEBUG=1 to see where it happened.")
        )
        return ExitCode.UNEXPECTED
    return ExitCode.OK


def main() -> None:
    """Runs the `arena` script."""
    sys.exit(run(sys.argv[1:]))


def _print_error(error: CliError) -> None:
    for line in error.lines():
        print("".join(c if c.isprintable() else " " for c in line), file=sys.stderr)
    if os.environ.get("ARENA_DEBUG") == "1":
        traceback.print_exception(error.__context__ or error, file=sys.stderr)
