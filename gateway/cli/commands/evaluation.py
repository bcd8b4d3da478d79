"""`arena evaluate` and `arena evaluation`: upload a recording, and show what a listener would notice."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import CliSession, with_session

app = typer.Typer(no_args_is_help=True, help="Show evaluations of recordings. `arena evaluate` makes them.")

DEFAULT_TIMEOUT_SECONDS = 1800.0


@with_session
def evaluate(
    session: CliSession,
    file: Annotated[Path, typer.Argument(help="The recording: WAV, FLAC, MP3, Ogg, M4A or WebM.", show_default=False)],
    reference: Annotated[str, typer.Option(help="The text that should be spoken.", show_default=False)] = "",
    reference_file: Annotated[
        Path | None, typer.Option(help="A file with that text, in UTF-8.", show_default=False)
    ] = None,
    language: Annotated[str, typer.Option(help="The spoken language, such as de-AT. Default: en.")] = "",
    num_speakers: Annotated[
        int | None, typer.Option(min=1, max=20, help="How many people speak. Default: recognised.", show_default=False)
    ] = None,
    channels: Annotated[
        str,
        typer.Option(
            help="split: each channel is one speaker. mix: all speakers are in all channels. Default: split.",
            show_default=False,
        ),
    ] = "",
    model: Annotated[
        str, typer.Option(help="The id of the voice model that speaks, one of the catalogue.", show_default=False)
    ] = "",
    scenario: Annotated[
        str,
        typer.Option(
            help="The id of the scenario that is spoken. It gives the text and the language. With a recorded model of "
            "yours, the recording takes part in battles.",
            show_default=False,
        ),
    ] = "",
    step: Annotated[
        list[str] | None, typer.Option(help="A step to run. Repeat the option. Default: all.", show_default=False)
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(help="A further version of the recording to evaluate: telephone.", show_default=False),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A word that must come through exactly. Repeat the option.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write the result as one HTML file.", show_default=False)
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="The longest time to wait, in seconds.")] = (
        DEFAULT_TIMEOUT_SECONDS
    ),
) -> None:
    """Evaluate a recording: words, voice, quality and speakers. Shows each step, then the result."""
    from voicearena.scoring.v1.evaluation_service_pb2 import CreateEvaluationRequest

    from gateway.cli.evaluation import result_view
    from gateway.cli.evaluation_progress import watch_evaluation_to_end

    request = CreateEvaluationRequest(
        reference_text=_reference(reference, reference_file),
        language=language,
        num_speakers=num_speakers,
        channels=channels,
        model_id=model,
        scenario_id=scenario,
        steps=step or (),
        conditions=condition or (),
        names=name or (),
        request_id=secrets.token_hex(16),
    )
    with session.client() as client:
        try:
            with file.open("rb") as recording:
                started = client.upload_evaluation(request, recording)
        except OSError as error:
            raise CliError(f"{file} can't be read: {error.strerror}.", ExitCode.USAGE) from None
        ended = watch_evaluation_to_end(client, started.id, timeout, session.err)
        metrics = session.metrics(client)
    if session.json:
        session.print_message(ended)
    else:
        session.out.print(result_view(ended, metrics, file.name, session.out.width))
    if html is not None:
        from gateway.cli.evaluation_report import render_evaluation

        try:
            html.write_text(render_evaluation(ended, metrics, file))
        except OSError as error:
            raise CliError(f"{html} can't be written: {error.strerror}.", ExitCode.USAGE) from None
        session.note(f"The result is in {html}.")
    if ended.status != ended.completed:
        reason = ended.error_message or f"The evaluation is {ended.Status.Name(ended.status)}."
        raise CliError(reason, ExitCode.EXPERIMENT_NOT_COMPLETED)


@app.command()
@with_session
def show(
    session: CliSession,
    evaluation_id: Annotated[
        str, typer.Argument(metavar="ID", help="The id of the evaluation, or of a trial.", show_default=False)
    ],
) -> None:
    """Show an evaluation that was made before."""
    from gateway.cli.evaluation import result_view

    with session.client() as client:
        found = client.evaluation(evaluation_id)
        metrics = session.metrics(client)
    if session.json:
        session.print_message(found)
    else:
        session.out.print(result_view(found, metrics, "Evaluation", session.out.width))


def _reference(text: str, file: Path | None) -> str:
    if file is None:
        return text
    if text:
        raise CliError("--reference and --reference-file are both given.", ExitCode.USAGE, hint="Give one of them.")
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise CliError(f"{file} can't be read: {error.strerror}.", ExitCode.USAGE) from None
    except UnicodeDecodeError:
        raise CliError(f"{file} is not text in UTF-8.", ExitCode.USAGE) from None
