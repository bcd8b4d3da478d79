"""`arena experiment cancel`, `retry`, `clone` and `delete`."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.commands.experiment import (
    DEFAULT_WATCH_SECONDS,
    TimeoutOption,
    WatchOption,
    show_experiment,
    watch_experiment,
)
from gateway.cli.commands.options import (
    EVAL_MODE_HELP,
    DaysOption,
    EvalMode,
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


def add_to(app: typer.Typer) -> None:
    """Adds the commands to `arena experiment`."""
    app.command("cancel")(cancel)
    app.command("retry")(retry)
    app.command("clone")(clone)
    app.command("delete")(delete)


@with_session
def cancel(session: CliSession, experiment_id: IdArgument) -> None:
    """Cancel an experiment. Requests to providers that are in progress for it are cancelled too."""
    from voicearena.experiments.v1.experiment_service_pb2 import CancelExperimentRequest

    with session.client() as client:
        show_experiment(
            session, client.call(client.experiment_stub.CancelExperiment, CancelExperimentRequest(id=experiment_id))
        )


@with_session
def retry(
    session: CliSession,
    experiment_id: IdArgument,
    watch_it: WatchOption = False,
    timeout: TimeoutOption = DEFAULT_WATCH_SECONDS,
) -> None:
    """Run the failed trials of a completed experiment again, and compute its verdict again."""
    from voicearena.experiments.v1.experiment_service_pb2 import RetryExperimentRequest

    with session.client() as client:
        experiment = client.call(client.experiment_stub.RetryExperiment, RetryExperimentRequest(id=experiment_id))
        if watch_it:
            watch_experiment(session, client, experiment_id, timeout)
        else:
            show_experiment(session, experiment)


@with_session
def clone(
    session: CliSession,
    experiment_id: IdArgument,
    name: Annotated[str, typer.Option(help="A new name.", show_default=False)] = "",
    scenario: Annotated[str, typer.Option(help="A new scenario.", show_default=False)] = "",
    model: Annotated[
        list[str] | None,
        typer.Option(help="PROVIDER:VOICE. The models given here replace all models.", show_default=False),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(help="A text to speak. The prompts given here replace all prompts.", show_default=False),
    ] = None,
    webhook_url: Annotated[
        str | None, typer.Option(help="A new URL to notify; empty for none.", show_default=False)
    ] = None,
    eval_mode: Annotated[EvalMode | None, typer.Option("--eval-mode", help=EVAL_MODE_HELP, show_default=False)] = None,
    repeats: RepeatsOption = None,
    profile: ProfileOption = "",
    weight: WeightOption = None,
    primary_metric: PrimaryMetricOption = "",
    seed: SeedOption = None,
    votes_per_pair: VotesOption = None,
    listening_days: DaysOption = None,
    keep_audio_days: RetentionOption = None,
) -> None:
    """Create a copy of an experiment. The options change the copy."""
    from voicearena.experiments.v1.experiment_pb2 import Experiment, ModelSpec
    from voicearena.experiments.v1.experiment_service_pb2 import CloneExperimentRequest

    from gateway.cli.commands.webhooks import show_webhook_secret

    request = CloneExperimentRequest(
        id=experiment_id,
        name=name,
        scenario=scenario,
        eval_mode=Experiment.EvalMode.Value(eval_mode) if eval_mode else Experiment.eval_mode_unspecified,
        models=[ModelSpec(provider=provider, voice_id=voice) for provider, voice in map(parse_model, model or [])],
        prompts=prompt,
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
    with session.client() as client:
        experiment = client.call(client.experiment_stub.CloneExperiment, request)
        show_webhook_secret(session, experiment)
        show_experiment(session, experiment)


@with_session
def delete(
    session: CliSession,
    experiment_id: IdArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
) -> None:
    """Delete an experiment with its trials, results, votes and audio."""
    from voicearena.experiments.v1.experiment_service_pb2 import DeleteExperimentRequest

    with session.client() as client:
        if not yes:
            experiment = client.experiment(experiment_id)
            if not typer.confirm(
                f"Delete {experiment.name!r} with its {experiment.total_trials} trials and their audio?", err=True
            ):
                raise CliError("Nothing was deleted.", ExitCode.USAGE, hint="Use --yes to delete without asking.")
        response = client.call(client.experiment_stub.DeleteExperiment, DeleteExperimentRequest(id=experiment_id))
    session.print_done(
        response, f"Deleted {response.id} and {response.trials} trials. Their audio is deleted within moments."
    )
