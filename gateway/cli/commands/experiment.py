"""`arena experiment`: create, run, watch and read experiments."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.commands.options import (
    DaysOption,
    EvalMode,
    EvalModeOption,
    IdArgument,
    PrimaryMetricOption,
    ProfileOption,
    RepeatsOption,
    RetentionOption,
    SeedOption,
    VotesOption,
    WeightOption,
    parse_model,
    parse_weights,
)
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import CliSession, with_session

if TYPE_CHECKING:
    from voicearena.experiments.v1.experiment_pb2 import Experiment

    from gateway.cli.client import ArenaClient

app = typer.Typer(no_args_is_help=True, help="Compare voice models on prompts and get a verdict.")

# 20 prompts of 5000 characters with four bytes each need 400 kB.
MAX_PROMPTS_FILE_BYTES = 512 * 1024
DEFAULT_WATCH_SECONDS = 1800.0

WatchOption = Annotated[bool, typer.Option("--watch", help="Watch the experiment to its end and print the results.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=1.0, help="The longest time to watch, in seconds.")]


class ExperimentStatus(StrEnum):
    """The states of an experiment."""

    CREATED = "created"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@app.command("create")
@with_session
def create(
    session: CliSession,
    name: Annotated[str, typer.Option(help="A name for the experiment.", show_default=False)],
    model: Annotated[
        list[str],
        typer.Option(
            help="PROVIDER:VOICE, or PROVIDER for its first voice. Repeat the option for 2 to 4 models.",
            show_default=False,
        ),
    ],
    scenario: Annotated[
        str,
        typer.Option(
            help="general, customer_support, medical, financial, technical_support, adversarial or multilingual."
        ),
    ] = "general",
    prompt: Annotated[
        list[str] | None,
        typer.Option(help="A text to speak. Repeat the option for up to 20 prompts.", show_default=False),
    ] = None,
    prompts_file: Annotated[
        Path | None,
        typer.Option(help="A UTF-8 text file with one prompt per line; - for stdin.", show_default=False),
    ] = None,
    webhook_url: Annotated[
        str, typer.Option(help="The URL to notify when the experiment ends.", show_default=False)
    ] = "",
    eval_mode: EvalModeOption = EvalMode.AUTOMATED,
    repeats: RepeatsOption = None,
    profile: ProfileOption = "",
    weight: WeightOption = None,
    primary_metric: PrimaryMetricOption = "",
    seed: SeedOption = None,
    votes_per_pair: VotesOption = None,
    listening_days: DaysOption = None,
    keep_audio_days: RetentionOption = None,
    run_now: Annotated[bool, typer.Option("--run", help="Start the experiment at once.")] = False,
    watch_it: WatchOption = False,
    timeout: TimeoutOption = DEFAULT_WATCH_SECONDS,
) -> None:
    """Create an experiment. --run also starts it; --watch starts it and watches it to its end."""
    from voicearena.experiments.v1.experiment_pb2 import Experiment
    from voicearena.experiments.v1.experiment_service_pb2 import CreateExperimentRequest

    from gateway.cli.commands.webhooks import show_webhook_secret

    prompts = [*(prompt or []), *(read_prompts(prompts_file) if prompts_file else [])]
    if not prompts:
        raise CliError(
            "No prompt was given.", ExitCode.USAGE, hint="Give one with --prompt, or several with --prompts-file."
        )
    request = CreateExperimentRequest(
        name=name,
        scenario=scenario,
        eval_mode=Experiment.EvalMode.Value(eval_mode),
        prompts=prompts,
        webhook_url=webhook_url,
        repeats=repeats,
        profile=profile,
        weights=parse_weights(weight or []),
        primary_metric=primary_metric,
        seed=seed,
        votes_per_pair=votes_per_pair,
        listening_days=listening_days,
        audio_retention_days=keep_audio_days,
    )
    for text in model:
        provider, voice_id = parse_model(text)
        request.models.add(provider=provider, voice_id=voice_id)
    with session.client() as client:
        experiment = client.create_experiment(request)
        show_webhook_secret(session, experiment)
        if run_now or watch_it:
            session.note(f"Created {experiment.id}.")
            experiment = client.run_experiment(experiment.id)
        if watch_it:
            watch_experiment(session, client, experiment.id, timeout)
        else:
            show_experiment(session, experiment)


@app.command("run")
@with_session
def run(
    session: CliSession,
    experiment_id: IdArgument,
    watch_it: WatchOption = False,
    timeout: TimeoutOption = DEFAULT_WATCH_SECONDS,
) -> None:
    """Start an experiment that was created."""
    with session.client() as client:
        experiment = client.run_experiment(experiment_id)
        if watch_it:
            watch_experiment(session, client, experiment_id, timeout)
        else:
            show_experiment(session, experiment)


@app.command("watch")
@with_session
def watch(session: CliSession, experiment_id: IdArgument, timeout: TimeoutOption = DEFAULT_WATCH_SECONDS) -> None:
    """Watch an experiment to its end and print the results. Ctrl-C stops watching; the experiment goes on."""
    with session.client() as client:
        watch_experiment(session, client, experiment_id, timeout)


@app.command("results")
@with_session
def results(
    session: CliSession,
    experiment_id: IdArgument,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compute the verdict again from the stored trials and votes.")
    ] = False,
) -> None:
    """Print the ranking, the comparison of each pair of models and the verdict of a completed experiment."""
    from gateway.cli.verdict import results_view

    with session.client() as client:
        found = client.results(experiment_id, recompute=recompute)
        if session.json:
            session.print_message(found)
        else:
            session.out.print(results_view(found, session.metrics(client), session.out.width))


@app.command("trials")
@with_session
def trials(session: CliSession, experiment_id: IdArgument) -> None:
    """List the trials of an experiment with their measurements, what was heard, and links to their audio."""
    from gateway.cli.rendering import audio_lines, heard_table, plain, trials_table
    from gateway.cli.words import heard_view

    with session.client() as client:
        found = client.trials(experiment_id)
        if session.json:
            session.print_list("trials", found)
            return
        metrics = session.metrics(client)
    session.out.print(trials_table(found, metrics, session.out.width))
    if (heard := heard_table(found, metrics)) is not None:
        session.out.print("\nWhat a listener hears", style="bold")
        session.out.print(heard)
    if lines := heard_view(found, session.out.width):
        session.out.print("\nWords", style="bold")
        for line in lines:
            session.out.print(line)
    session.out.print()
    for line in audio_lines(found):
        session.out.print(plain(line), soft_wrap=True)


@app.command("list")
@with_session
def list_experiments(
    session: CliSession,
    status: Annotated[
        ExperimentStatus | None, typer.Option(help="Only experiments with this status.", show_default=False)
    ] = None,
    scenario: Annotated[str, typer.Option(help="Only experiments of this scenario.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The largest number of experiments to list.")] = 50,
) -> None:
    """List your experiments, newest first."""
    from gateway.cli.rendering import experiments_table

    with session.client() as client:
        found = client.experiments(status.value if status else "", scenario, limit)
    if session.json:
        session.print_list("experiments", found)
    else:
        session.out.print(experiments_table(found, session.out.width))


def read_prompts(path: Path) -> list[str]:
    """Returns the lines of a prompts file that are not blank. `-` is stdin. Raises CliError if it can't be read."""
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(MAX_PROMPTS_FILE_BYTES + 1)
        else:
            with path.open("rb") as file:
                data = file.read(MAX_PROMPTS_FILE_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise CliError(f"Can't read {path}: {error.strerror}.", ExitCode.USAGE) from None
    except UnicodeDecodeError:
        raise CliError(f"{path} is not UTF-8 text.", ExitCode.USAGE, hint="Save it as UTF-8.") from None
    if len(data) > MAX_PROMPTS_FILE_BYTES:
        raise CliError(
            f"{path} is larger than {MAX_PROMPTS_FILE_BYTES // 1024} KiB.",
            ExitCode.USAGE,
            hint="Write one prompt per line, up to 20.",
        )
    return [line.strip() for line in text.splitlines() if line.strip()]


def show_experiment(session: CliSession, experiment: Experiment) -> None:
    from gateway.cli.rendering import experiment_card

    if session.json:
        session.print_message(experiment)
        return
    session.out.print(experiment_card(experiment))
    command = "run" if experiment.status == experiment.created else "watch"
    session.note(f"Next: arena experiment {command} {experiment.id}")


def watch_experiment(session: CliSession, client: ArenaClient, experiment_id: str, timeout: float) -> None:
    """Shows the progress on stderr until the experiment ends. Then prints the results on stdout, or with --json the
    experiment. Raises CliError if the experiment did not complete."""
    from gateway.cli.progress import watch_to_end
    from gateway.cli.verdict import results_view

    try:
        experiment = watch_to_end(client, experiment_id, timeout, session.err)
    except KeyboardInterrupt:
        session.note(
            f"Stopped watching; the experiment goes on. Watch it again: arena experiment watch {experiment_id}"
        )
        raise
    if session.json:
        session.print_message(experiment)
    elif experiment.status == experiment.completed:
        session.out.print(results_view(client.results(experiment_id), session.metrics(client), session.out.width))
    if experiment.status != experiment.completed:
        status = experiment.Status.Name(experiment.status)
        reason = f": {experiment.error_message}" if experiment.error_message else "."
        raise CliError(f"The experiment ended with status {status}{reason}", ExitCode.EXPERIMENT_NOT_COMPLETED)
