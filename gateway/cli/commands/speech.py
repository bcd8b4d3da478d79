"""`arena voices` and `arena say`: list voices, and speak a text."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.commands.options import parse_model
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import CliSession, with_session

DEFAULT_OUT = "speech.wav"


@with_session
def voices(
    session: CliSession,
    provider: Annotated[str, typer.Option(help="Only the voices of this provider.", show_default=False)] = "",
) -> None:
    """List the voices, and the providers that are not available with the reason."""
    from gateway.cli.rendering import voices_table

    with session.client() as client:
        found = client.voices(provider)
        if session.json:
            session.print_list("voices", found)
            return
        providers = [one for one in client.providers() if not provider or one.id == provider]
    session.out.print(voices_table(found, providers))


@with_session
def say(
    session: CliSession,
    text: Annotated[str, typer.Argument(help="The text to speak, up to 5000 characters.", show_default=False)],
    voice: Annotated[str, typer.Option(help="PROVIDER:VOICE, or PROVIDER for its first voice.")] = "espeak",
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            help=f"The WAV file to write; - for stdout. Default: {DEFAULT_OUT}, or none with --play.",
            show_default=False,
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0.5, max=2.0, help="The rate of speech relative to the voice's own.", show_default=False),
    ] = None,
    play: Annotated[bool, typer.Option("--play", help="Play the speech.")] = False,
) -> None:
    """Speak a text into a WAV file, and show how long it took."""
    from voicearena.tts.v1.tts_service_pb2 import SynthesizeSpeechRequest

    from gateway.cli import speech
    from services.shared.reporting.formats import milliseconds, seconds

    if session.json and out == speech.STDOUT:
        raise CliError("--json and --out - both write to stdout.", ExitCode.USAGE, hint="Name a file with --out.")
    provider, voice_id = parse_model(voice)
    request = SynthesizeSpeechRequest(
        text=text, provider=provider, voice_id=voice_id, format=SynthesizeSpeechRequest.pcm
    )
    if speed is not None:
        request.parameters.speed = speed
    with session.client() as client:
        spoken = speech.collect(client.speech(request))
    destination = out or (None if play else DEFAULT_OUT)
    if destination is not None:
        speech.save(spoken, destination)
    if session.json:
        session.print_document(
            {
                "file": destination,
                "ttfb_ms": spoken.ttfb_ms,
                "total_ms": spoken.total_ms,
                "duration_seconds": spoken.duration_seconds,
                "sample_rate_hz": spoken.sample_rate_hz,
            }
        )
    else:
        place = f"{destination}: " if destination not in (None, speech.STDOUT) else ""
        session.note(
            f"{place}{seconds(spoken.duration_seconds)} of speech at {spoken.sample_rate_hz} Hz; first audio after "
            f"{milliseconds(spoken.ttfb_ms)}, all of it after {milliseconds(spoken.total_ms)}."
        )
    if play:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "speech.wav")
            speech.save(spoken, path)
            speech.play(path, spoken.duration_seconds)
