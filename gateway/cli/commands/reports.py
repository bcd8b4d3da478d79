"""`arena experiment export` and `arena experiment report`: the data of an experiment as files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.commands.options import IdArgument
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import CliSession, with_session

STDOUT = "-"
EXPORT_TIMEOUT_SECONDS = 120.0
# A report has up to 4 GB of audio.
REPORT_TIMEOUT_SECONDS = 1800.0
MEGABYTE = 1024 * 1024


class ExportFormat(StrEnum):
    """The formats of an export."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"


class ExportTable(StrEnum):
    """The tables that can be exported."""

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
    session: CliSession,
    experiment_id: IdArgument,
    form: Annotated[ExportFormat, typer.Option("--format", help="The format of the file.")] = ExportFormat.CSV,
    table: Annotated[ExportTable, typer.Option(help="The table to export.")] = ExportTable.TRIALS,
    out: Annotated[
        str, typer.Option("--out", "-o", help="The file to write; - for stdout. Default: ID-TABLE.FORMAT.")
    ] = "",
    bom: Annotated[
        bool | None,
        typer.Option(
            "--bom/--no-bom",
            help="Start a CSV file with a byte order mark, by which spreadsheets recognise UTF-8. Default: --bom.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write the trials, results, pairs of models or votes of an experiment as CSV, Parquet or JSON lines."""
    from voicearena.experiments.v1.experiment_service_pb2 import ExportExperimentRequest

    request = ExportExperimentRequest(
        id=experiment_id,
        format=ExportExperimentRequest.Format.Value(form),
        table=ExportExperimentRequest.Table.Value(table),
        bom=bom,
    )
    if out == STDOUT and form is ExportFormat.PARQUET and sys.stdout.isatty():
        raise CliError(
            "A terminal can't show Parquet.", ExitCode.USAGE, hint="Name a file with --out, or pipe the output."
        )
    with session.client() as client:
        chunks = client.stream(client.experiment_stub.ExportExperiment, request, EXPORT_TIMEOUT_SECONDS)
        pieces = (chunk.data for chunk in chunks)
        if out == STDOUT:
            _write_stdout(pieces)
            return
        data = b"".join(pieces)
    write_and_tell(session, Path(out or f"{experiment_id}-{table}.{form}"), data)


@with_session
def report(
    session: CliSession,
    experiment_id: IdArgument,
    out: Annotated[
        str, typer.Option("--out", "-o", help="The file to write; - for stdout. Default: ID.html.", show_default=False)
    ] = "",
    audio: Annotated[bool, typer.Option(help="Include the audio of each trial.")] = True,
    max_megabytes: Annotated[
        int, typer.Option(min=1, max=4096, help="The largest size of the audio in the file, in MB.")
    ] = 256,
) -> None:
    """Write one HTML file with the verdict, the measurements and the audio. Any browser opens it, without network."""
    from voicearena.experiments.v1.experiment_service_pb2 import GetReportRequest

    path = Path(out or f"{experiment_id}.html")
    request = GetReportRequest(id=experiment_id, audio=audio, max_audio_mb=max_megabytes)
    with session.client() as client:
        chunks = client.stream(client.experiment_stub.GetReport, request, REPORT_TIMEOUT_SECONDS)
        pieces = (chunk.data for chunk in chunks)
        try:
            if out == STDOUT:
                _write_stdout(pieces)
                return
            size = write_pieces(path, _told(session, pieces))
        except CliError as error:
            if "max_audio_mb" in error.message:
                error.hint = "Allow more with --max-megabytes, or leave out the audio with --no-audio."
            raise
    if session.json:
        session.print_document({"file": str(path), "bytes": size})
    else:
        session.note(f"Wrote {path} ({_size(size)}). Open it in any browser.")


def _size(count: int) -> str:
    return f"{count:,} bytes" if count < MEGABYTE else f"{count / MEGABYTE:.1f} MB"


def _told(session: CliSession, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yields the pieces, and shows in a terminal how much of the file has arrived."""
    size = 0
    for piece in pieces:
        yield piece
        before, size = size, size + len(piece)
        if session.err.is_terminal and not session.json and size // MEGABYTE > before // MEGABYTE:
            session.err.print(f"{size // MEGABYTE} MB", end="\r")


def _write_stdout(pieces: Iterator[bytes]) -> None:
    # Control characters in names and prompts must not steer a terminal. A file or a pipe gets the data unchanged.
    sys.stdout.buffer.writelines([_shown(b"".join(pieces))] if sys.stdout.isatty() else pieces)


def _shown(data: bytes) -> bytes:
    """Replaces each character that could steer a terminal by a space, except newlines and tabs."""
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in data.decode()).encode()


def write(path: Path, data: bytes) -> None:
    """Writes a file. Raises CliError if it can't be written."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise CliError(f"Can't write {path}: {error.strerror}.", ExitCode.USAGE) from None


def write_pieces(path: Path, pieces: Iterator[bytes]) -> int:
    """Writes a file while its pieces arrive, and returns its size in bytes.

    An earlier file is replaced at the end, so an error leaves it as it is. Raises what `pieces` raises, and CliError if
    the file can't be written.
    """
    # A symbolic link stays one. A device such as /dev/stdout can't be replaced.
    place = path.resolve()
    target = place.with_name(f"{place.name}.part") if place.is_file() or not place.exists() else place
    try:
        with target.open("wb") as file:
            size = sum(file.write(piece) for piece in pieces)
        if target != place:
            target.replace(place)
    except OSError as error:
        raise CliError(f"Can't write {path}: {error.strerror}.", ExitCode.USAGE) from None
    finally:
        if target != place:
            target.unlink(missing_ok=True)
    return size


def write_and_tell(session: CliSession, path: Path, data: bytes) -> None:
    """Writes a file, and prints its name and size. Raises CliError if it can't be written."""
    write(path, data)
    if session.json:
        session.print_document({"file": str(path), "bytes": len(data)})
    else:
        session.note(f"Wrote {path} ({len(data):,} bytes).")
