"""`arena demo`: starts a mesh, compares three local voices on eight prompts, and holds a small tournament."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from dotenv import dotenv_values

from gateway.cli.client import ArenaClient
from gateway.cli.demo_plan import PROMPTS, PROVIDER, SCENARIO, DemoVoice, choose_voices, voice_lines
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.leaderboard_view import leaderboard_view
from gateway.cli.local_mesh import LocalMesh, local_address, runner_command, stopping_on_signals
from gateway.cli.progress import watch_to_end
from gateway.cli.rendering import plain
from gateway.cli.session import CliSession, message_document
from gateway.cli.steps import Steps
from gateway.cli.tournament import TOURNAMENT_SETTINGS, tournament_board
from gateway.cli.verdict import results_view
from services.shared.reporting.formats import model_name

if TYPE_CHECKING:
    from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
    from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
    from voicearena.experiments.v1.results_pb2 import Results

DATA_DIR = Path(".arena/demo")
# The runner reads its settings from the environment and then from this file.
ENV_FILE = ".env"
EXPERIMENT_TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True)
class Comparison:
    """The voices that were compared, and the results."""

    voices: Sequence[DemoVoice]
    experiment: Experiment
    results: Results


def run_demo(session: CliSession, data_dir: Path) -> None:
    """Starts a mesh, compares the voices, holds a tournament, prints the verdict and the board, and stops the mesh.

    No process is left in any case, even after Ctrl-C. Raises CliError if a step fails.
    """
    data_dir = data_dir.absolute()
    address = local_address({**dotenv_values(ENV_FILE), **os.environ})
    mesh = LocalMesh(data_dir, address, runner_command(data_dir, ephemeral=False), TOURNAMENT_SETTINGS)
    steps = Steps(session.err)
    with stopping_on_signals():
        try:
            with steps.step("Starting the mesh: five services, NATS, PostgreSQL and Envoy") as step:
                mesh.start()
                mesh.wait_until_ready()
                step.done = f"The mesh is ready at {address}"
            comparison = _compare(session, steps, mesh)
            _show(session, mesh, comparison, _hold_tournament(steps, mesh), data_dir)
        finally:
            if mesh.started:
                _stop(steps, mesh)
    if not session.json:
        session.note(
            "\nNext: `arena up` keeps a mesh running. Then `arena battle` lets you vote.\n"
            "`arena register` and `arena experiment create` compare voices of your choice."
        )


def _compare(session: CliSession, steps: Steps, mesh: LocalMesh) -> Comparison:
    # Each run needs a new e-mail address, because the data directory still has the developers of earlier runs.
    email = f"demo-{uuid.uuid4().hex[:12]}@example.com"
    with steps.step("Registering a developer") as step, ArenaClient(mesh.address, None) as anonymous:
        developer = anonymous.register_developer("Demo", email)
        step.done = f"Registered {developer.email}"
    session.key = developer.api_key
    with ArenaClient(mesh.address, developer.api_key) as client:
        with steps.step("Listing the voices") as step:
            available = [voice.voice_id for voice in client.voices(PROVIDER)]
            voices = choose_voices(available)
            step.done = f"{len(available)} local voices; comparing {', '.join(voice.voice_id for voice in voices)}"
        with steps.step("Registering voice models with other speeds") as step:
            registered = register_speeds(client, voices)
            models = " and ".join(f"{voice.voice_id} at speed {voice.speed:g}" for voice in registered)
            step.done = f"Registered {models or 'no other speed'}"
        with steps.step("Creating the experiment") as step:
            experiment = _create(client, voices)
            client.run_experiment(experiment.id)
            step.done = f"Created and started {experiment.id}"
        with steps.step("Speaking and measuring", spinner=False) as step:
            experiment = watch_to_end(client, experiment.id, EXPERIMENT_TIMEOUT_SECONDS, session.err)
            if experiment.status != experiment.completed:
                _not_completed(experiment)
            step.done = f"{experiment.completed_trials} of {experiment.total_trials} trials completed"
        return Comparison(voices, experiment, client.results(experiment.id))


def register_speeds(client: ArenaClient, voices: Sequence[DemoVoice]) -> list[DemoVoice]:
    """Registers a voice model of the caller for each voice with a speed, and returns these voices.

    An experiment that names such a voice uses the caller's voice model, which has the speed.
    """
    from voicearena.elo.v1.elo_service_pb2 import CreateVoiceModelRequest

    registered = []
    for voice in voices:
        if voice.speed is None:
            continue
        request = CreateVoiceModelRequest(name=f"{voice.voice_id}, {voice.pace}", provider=PROVIDER)
        request.config.voice_id = voice.voice_id
        request.config.parameters.speed = voice.speed
        client.create_voice_model(request)
        registered.append(voice)
    return registered


def _create(client: ArenaClient, voices: Sequence[DemoVoice]) -> Experiment:
    from voicearena.experiments.v1.experiment_pb2 import Experiment
    from voicearena.experiments.v1.experiment_service_pb2 import CreateExperimentRequest

    request = CreateExperimentRequest(
        name="Which local voice for customer support?",
        scenario=SCENARIO,
        eval_mode=Experiment.automated,
        prompts=PROMPTS,
    )
    for voice in voices:
        request.models.add(provider=PROVIDER, voice_id=voice.voice_id)
    return client.create_experiment(request)


def _not_completed(experiment: Experiment) -> NoReturn:
    status = experiment.Status.Name(experiment.status)
    reason = f": {experiment.error_message}" if experiment.error_message else ""
    raise CliError(f"The experiment ended with status {status}{reason}.", ExitCode.EXPERIMENT_NOT_COMPLETED)


def _hold_tournament(steps: Steps, mesh: LocalMesh) -> Leaderboard:
    """Returns the leaderboard of the battles that the local voices have by themselves since the mesh was started."""
    with (
        steps.step("Holding a tournament: local voices in battles, metrics vote") as step,
        ArenaClient(mesh.address, None) as anonymous,
    ):
        board = tournament_board(anonymous)
        step.done = f"{len(board.rows)} voices met in {board.battles} battles with {board.votes} votes of the metrics"
        return board


def _show(session: CliSession, mesh: LocalMesh, comparison: Comparison, board: Leaderboard, data_dir: Path) -> None:
    if session.json:
        session.print_document({**message_document(comparison.results), "leaderboard": message_document(board)})
        return
    with ArenaClient(mesh.address, session.key) as client:
        trials = client.trials(comparison.experiment.id)
        metrics = session.metrics(client)
    _print_list(session, "Voices", voice_lines(comparison.voices))
    session.out.print()
    session.out.print(results_view(comparison.results, metrics, session.out.width))
    _print_list(session, "Audio", audio_places(trials, data_dir))
    session.out.print()
    session.out.print(leaderboard_view(board, session.out.width))


def _print_list(session: CliSession, title: str, lines: Sequence[str]) -> None:
    session.out.print(f"\n{title}", style="bold")
    for line in lines:
        session.out.print(plain(f"  {line}"), soft_wrap=True)


def audio_places(trials: list[Trial], data_dir: Path) -> list[str]:
    """Returns lines that say where the audio is: the files of the first prompt, and one signed link from the API."""
    spoken = [trial for trial in trials if trial.HasField("audio_url")]
    if not spoken:
        return ["none: no trial completed"]
    files = {path.name: path for path in data_dir.rglob("*.wav")}
    found = [(trial, files[name]) for trial in spoken if (name := Path(urlsplit(trial.audio_url).path).name) in files]
    lines = []
    if found:
        folder = os.path.commonpath([path.parent for _, path in found])
        lines.append(
            f"{len(found)} WAV file{'' if len(found) == 1 else 's'} in {folder}; those of the first prompt are"
        )
        lines += [
            f"  {model_name(trial.provider, trial.voice_id)}: {path.relative_to(folder)}"
            for trial, path in found
            if trial.prompt_index == 0
        ]
    lines.append(f"a signed link, valid while the mesh runs: {spoken[0].audio_url}")
    return lines


def _stop(steps: Steps, mesh: LocalMesh) -> None:
    with steps.step("Stopping the mesh") as step:
        in_order = mesh.stop()
        step.done = "Stopped; no process is left" if in_order else "Stopped; some processes had to be killed"
