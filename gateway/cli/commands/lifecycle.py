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
    DaysOption,
    IdArgument,
    Judge,
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
from gateway.cli.session import Session, with_session


def add_to(app: typer.Typer) -> None:
    """Adds the commands to `arena experiment`."""
    app.command("cancel")(cancel)
    app.command("retry")(retry)
    app.command("clone")(clone)
    app.command("delete")(delete)


@with_session
def cancel(session: Session, experiment_id: IdArgument) -> None:
    """Stop an experiment; what providers are making for it is broken off."""
    from voicearena.experiments.v1.experiment_service_pb2 import CancelExperimentRequest

    with session.client() as client:
        show_experiment(
            session, client.call(client.experiment_stub.CancelExperiment, CancelExperimentRequest(id=experiment_id))
        )


@with_session
def retry(
    session: Session,
    experiment_id: IdArgument,
    watch_it: WatchOption = False,
    timeout: TimeoutOption = DEFAULT_WATCH_SECONDS,
) -> None:
    """Ask again for the failed trials of a completed experiment, and reach its verdict anew."""
    from voicearena.experiments.v1.experiment_service_pb2 import RetryExperimentRequest

    with session.client() as client:
        experiment = client.call(client.experiment_stub.RetryExperiment, RetryExperimentRequest(id=experiment_id))
        if watch_it:
            watch_experiment(session, client, experiment_id, timeout)
        else:
            show_experiment(session, experiment)


@with_session
def clone(
    session: Session,
    experiment_id: IdArgument,
    name: Annotated[str, typer.Option(help="Another name.", show_default=False)] = "",
    scenario: Annotated[str, typer.Option(help="Another scenario.", show_default=False)] = "",
    model: Annotated[list[str] | None, typer.Option(help="Other models, all of them.", show_default=False)] = None,
    prompt: Annotated[list[str] | None, typer.Option(help="Other prompts, all of them.", show_default=False)] = None,
    webhook_url: Annotated[
        str | None, typer.Option(help="Another URL to report to; empty for none.", show_default=False)
    ] = None,
    judge: Annotated[Judge | None, typer.Option("--eval-mode", help="Who judges.", show_default=False)] = None,
    repeats: RepeatsOption = None,
    profile: ProfileOption = "",
    weight: WeightOption = None,
    primary_metric: PrimaryMetricOption = "",
    seed: SeedOption = None,
    votes_per_pair: VotesOption = None,
    listening_days: DaysOption = None,
    keep_audio_days: RetentionOption = None,
) -> None:
    """Plan an experiment like another one, but for what is given here."""
    from voicearena.experiments.v1.experiment_pb2 import Experiment, ModelSpec
    from voicearena.experiments.v1.experiment_service_pb2 import CloneExperimentRequest

    from gateway.cli.commands.webhooks import show_webhook_secret

    request = CloneExperimentRequest(
        id=experiment_id,
        name=name,
        scenario=scenario,
        eval_mode=Experiment.EvalMode.Value(judge) if judge else Experiment.eval_mode_unspecified,
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
    session: Session,
    experiment_id: IdArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Delete an experiment with its trials, results, votes and audio."""
    from voicearena.experiments.v1.experiment_service_pb2 import DeleteExperimentRequest

    with session.client() as client:
        if not yes:
            experiment = client.experiment(experiment_id)
            if not typer.confirm(
                f"Delete {experiment.name!r} with its {experiment.total_trials} trials and their audio?", err=True
            ):
                raise CliError("Nothing was deleted.", ExitCode.USAGE, hint="--yes deletes without asking.")
        answer = client.call(client.experiment_stub.DeleteExperiment, DeleteExperimentRequest(id=experiment_id))
    session.print_done(answer, f"Deleted {answer.id} and {answer.trials} trials; their audio follows within moments.")
