"""`arena metrics`: list what is measured, and audit whether each metric moves as it should."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import CliSession, JsonOption, KeyOption, UrlOption, with_session

DEFAULT_TIMEOUT_SECONDS = 1800.0
CLIP_SUFFIX, TEXT_SUFFIX = ".wav", ".txt"

app = typer.Typer(help="List the metrics, and audit whether each moves as it should.")


@app.callback(invoke_without_command=True)
def metrics(context: typer.Context, url: UrlOption = None, key: KeyOption = None, as_json: JsonOption = False) -> None:
    """List the metrics of this installation: what measures each, and what the latest audit says about it."""
    outer = context.find_object(CliSession) or CliSession()
    session = CliSession(url or outer.url, key or outer.key, as_json or outer.json, outer.out, outer.err)
    context.obj = session
    if context.invoked_subcommand is not None:
        return
    from gateway.cli.metric_audit import metrics_table

    with session.client() as client:
        found = client.metrics()
    if session.json:
        session.print_list("metrics", found)
    else:
        session.out.print(metrics_table(found))


@app.command("audit")
@with_session
def audit(
    session: CliSession,
    clips: Annotated[
        Path | None,
        typer.Option(
            help="A folder with your own clips: for each NAME.wav a NAME.txt with its text. The result is then only "
            "printed. Default: voices of the mesh speak.",
            show_default=False,
        ),
    ] = None,
    language: Annotated[
        str, typer.Option(help="The language of your own clips, such as de. Default: en.", show_default=False)
    ] = "",
    timeout: Annotated[float, typer.Option(min=1, help="The longest time to wait, in seconds.")] = (
        DEFAULT_TIMEOUT_SECONDS
    ),
) -> None:
    """Change speech in known ways, and check that each metric moves as it should. Exits with 1 if one does not."""
    from voicearena.scoring.v1.scoring_service_pb2 import RunMetricAuditRequest

    from gateway.cli.metric_audit import audit_view, failed_metrics, run_audit

    request = RunMetricAuditRequest(language=language)
    for name, text in _own_clips(clips) if clips else ():
        request.clips.add(audio=name.read_bytes(), text=text)
    with session.client() as client:
        found = run_audit(client, request, timeout, session.err)
    if session.json:
        session.print_message(found)
    else:
        session.out.print(audit_view(found))
    if failed := failed_metrics(found):
        raise CliError(
            f"{len(failed)} of {len(found.metrics)} metrics failed the audit: {', '.join(failed)}.",
            hint="They may not decide an experiment." if found.voices else "",
        )
    if not found.passed:
        raise CliError("No metric was audited.")


def _own_clips(folder: Path) -> list[tuple[Path, str]]:
    """Returns the clips of a folder with their texts, by name."""
    if not folder.is_dir():
        raise CliError(f"{folder} is not a folder.", ExitCode.USAGE)
    found = []
    for clip in sorted(folder.glob(f"*{CLIP_SUFFIX}")):
        text = clip.with_suffix(TEXT_SUFFIX)
        try:
            found.append((clip, text.read_text(encoding="utf-8").strip()))
        except OSError as error:
            raise CliError(f"{text} can't be read: {error.strerror}.", ExitCode.USAGE) from None
        except UnicodeDecodeError:
            raise CliError(f"{text} is not text in UTF-8.", ExitCode.USAGE) from None
    if not found:
        raise CliError(
            f"{folder} has no clips.",
            ExitCode.USAGE,
            hint=f"Put NAME{CLIP_SUFFIX} and NAME{TEXT_SUFFIX} there for each clip.",
        )
    return found
