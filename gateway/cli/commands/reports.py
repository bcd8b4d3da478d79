"""`arena experiment export` and `arena experiment report`: what is known of an experiment, as files."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.commands.options import IdArgument
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import Session, with_session

STDOUT = "-"
EXPORT_SECONDS = 120.0
MEGABYTE = 1024 * 1024


class Format(StrEnum):
    """The kinds of file."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"


class Table(StrEnum):
    """What there is to export."""

    TRIALS = "trials"
    RESULTS = "results"
    PAIRS = "pairs"
    VOTES = "votes"


def add_to(app: typer.Typer) -> None:
    """Adds the commands to `arena experiment`."""
    app.command("export")(export)
    app.command("report")(report)


@with_session
def export(
    session: Session,
    experiment_id: IdArgument,
    form: Annotated[Format, typer.Option("--format", help="The kind of file.")] = Format.CSV,
    table: Annotated[Table, typer.Option(help="What to export.")] = Table.TRIALS,
    out: Annotated[
        str, typer.Option("--out", "-o", help="The file to write, - for stdout; ID-TABLE.FORMAT if not given.")
    ] = "",
    bom: Annotated[
        bool | None,
        typer.Option(
            "--bom/--no-bom",
            help="Begin a CSV with the mark by which spreadsheets know UTF-8, as it does if not given.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write trials, results, pairs of models or votes as CSV, Parquet or JSON lines."""
    from voicearena.experiments.v1.experiment_service_pb2 import ExportExperimentRequest

    request = ExportExperimentRequest(
        id=experiment_id,
        format=ExportExperimentRequest.Format.Value(form),
        table=ExportExperimentRequest.Table.Value(table),
        bom=bom,
    )
    if out == STDOUT and form is Format.PARQUET and sys.stdout.isatty():
        raise CliError("Parquet is not text.", ExitCode.USAGE, hint="Name a file with --out, or pipe it on.")
    with session.client() as client:
        chunks = client.stream(client.experiment_stub.ExportExperiment, request, EXPORT_SECONDS)
        data = b"".join(chunk.data for chunk in chunks)
    if out == STDOUT:
        # What others wrote into names and prompts must not steer a terminal; a file or a pipe gets it as it is.
        sys.stdout.buffer.write(_shown(data) if sys.stdout.isatty() else data)
        return
    path = Path(out or f"{experiment_id}-{table}.{form}")
    write(path, data)
    if session.json:
        session.print_document({"file": str(path), "bytes": len(data)})
    else:
        session.note(f"{path}: {len(data):,} bytes.")


@with_session
def report(
    session: Session,
    experiment_id: IdArgument,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; ID.html if not given.", show_default=False)
    ] = None,
    audio: Annotated[bool, typer.Option(help="With the audio of each trial in it.")] = True,
    max_megabytes: Annotated[
        int, typer.Option(min=1, max=4096, help="Stop before the file grows larger than this.")
    ] = 256,
) -> None:
    """Write one HTML file with the verdict, its figures and the audio, that needs no access to open."""
    from gateway.cli.report import ReportTrial, audio_name, render_report

    with session.client() as client:
        experiment = client.experiment(experiment_id)
        results = client.results(experiment_id)
        metrics = session.metrics(client)
        trials, size = [], 0
        found = client.trials(experiment_id)
        for number, trial in enumerate(found, 1):
            wav = None
            if audio and trial.HasField("audio_url"):
                if session.err.is_terminal and not session.json:
                    session.err.print(f"Fetching audio {number} of {len(found)}", end="\r")
                wav = client.audio(audio_name(trial))
                # As it will be in the file: base 64 takes four bytes for three.
                size += len(wav) * 4 // 3
                if size > max_megabytes * MEGABYTE:
                    raise CliError(
                        f"The audio takes more than {max_megabytes} MB.",
                        ExitCode.USAGE,
                        hint="Allow more with --max-megabytes, or leave the audio out with --no-audio.",
                    )
            trials.append(ReportTrial(trial, wav))
    path = out or Path(f"{experiment_id}.html")
    document = render_report(experiment, results, trials, metrics).encode()
    write(path, document)
    if session.json:
        session.print_document({"file": str(path), "bytes": len(document)})
    else:
        session.note(f"{path}: {len(document) / MEGABYTE:.1f} MB, open it in any browser.")


def _shown(data: bytes) -> bytes:
    """Text with a blank for each character that could steer a terminal; lines and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in data.decode()).encode()


def write(path: Path, data: bytes) -> None:
    """Writes a file whole; CliError if it can't be written."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise CliError(f"Can't write {path}: {error.strerror}.", ExitCode.USAGE) from None
