"""A whole comparison in half a minute: a mesh of its own, three local voices, eight prompts, one verdict."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from dotenv import dotenv_values

from gateway.cli.client import ArenaClient
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.local_mesh import LocalMesh, local_address, runner_command, stopping_on_signals
from gateway.cli.progress import watch_to_end
from gateway.cli.rendering import model_name, plain
from gateway.cli.session import Session
from gateway.cli.steps import Steps
from gateway.cli.verdict import results_view

if TYPE_CHECKING:
    from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
    from voicearena.experiments.v1.results_pb2 import Results

DATA_DIR = Path(".arena/demo")
# The runner reads its settings from here too, below the environment.
ENV_FILE = ".env"
SCENARIO = "customer_support"
EXPERIMENT_SECONDS = 120.0
PROVIDER = "espeak"
# Voices of one engine that sound unlike each other. The share of silence differs most between the second and the others
# (0.28, and 0.38 or more), and with it the score. The first ones that the installation has are compared.
VOICES = ("en-us", "en-us+klatt4", "en-us+croak", "en-us+m3")
VOICES_COMPARED = 3
PROMPTS = (
    "Hello, thank you for calling. How can I help you today?",
    "I am sorry to hear that. Let me look into your order right away.",
    "Your refund of $42.50 will be on your card within three to five working days.",
    "Could you please read me the reference number? It starts with the letters A, X and Q.",
    "I understand how frustrating that is, and I would feel the same way.",
    "Your appointment is on Thursday, March 3rd, at a quarter past nine. Does that suit you?",
    "One moment please. I am going to connect you with a colleague who knows more about this.",
    "Is there anything else that I can do for you? Then have a wonderful day. Goodbye!",
)


def run_demo(session: Session, data_dir: Path) -> None:
    """Starts a mesh, compares the voices, prints the verdict and where the audio is, and stops the mesh again.

    Whatever happens, Ctrl-C included, no process is left. Raises CliError naming what went wrong.
    """
    data_dir = data_dir.absolute()
    address = local_address({**dotenv_values(ENV_FILE), **os.environ})
    mesh = LocalMesh(data_dir, address, runner_command(data_dir, ephemeral=False))
    steps = Steps(session.err)
    with stopping_on_signals():
        try:
            with steps.step("Starting the mesh: five services, NATS, PostgreSQL and Envoy") as step:
                mesh.start()
                mesh.wait_until_ready()
                step.done = f"The mesh is up at {address}"
            experiment, results = _compare(session, steps, mesh)
            _show(session, mesh, experiment, results, data_dir)
        finally:
            if mesh.started:
                _stop(steps, mesh)
    if not session.json:
        session.note("\nStart it to stay with `arena up`, then `arena register` and `arena experiment create`.")


def _compare(session: Session, steps: Steps, mesh: LocalMesh) -> tuple[Experiment, Results]:
    from voicearena.experiments.v1.experiment_pb2 import Experiment
    from voicearena.experiments.v1.experiment_service_pb2 import CreateExperimentRequest

    # An address of its own for each run, since the data directory remembers the earlier ones.
    email = f"demo-{uuid.uuid4().hex[:12]}@example.com"
    with steps.step("Registering a developer") as step, ArenaClient(mesh.address, None) as stranger:
        developer = stranger.register_developer("Demo", email)
        step.done = f"Registered {developer.email}"
    session.key = developer.api_key
    with ArenaClient(mesh.address, developer.api_key) as client:
        with steps.step("Listing the voices") as step:
            voices = [voice.voice_id for voice in client.voices(PROVIDER)]
            chosen = choose_voices(voices)
            step.done = f"{len(voices)} local voices; comparing {', '.join(chosen)}"
        with steps.step("Creating the experiment") as step:
            request = CreateExperimentRequest(
                name="Which local voice for customer support?",
                scenario=SCENARIO,
                eval_mode=Experiment.automated,
                prompts=PROMPTS,
            )
            for voice in chosen:
                request.models.add(provider=PROVIDER, voice_id=voice)
            experiment = client.create_experiment(request)
            client.run_experiment(experiment.id)
            step.done = f"Created and started {experiment.id}"
        with steps.step("Speaking and measuring", spinner=False) as step:
            experiment = watch_to_end(client, experiment.id, EXPERIMENT_SECONDS, session.err)
            if experiment.status != experiment.completed:
                _not_completed(experiment)
            step.done = f"{experiment.completed_trials} of {experiment.total_trials} trials completed"
        return experiment, client.results(experiment.id)


def choose_voices(available: list[str]) -> list[str]:
    """The first VOICES_COMPARED of VOICES that are there. Raises CliError if they are fewer."""
    chosen = [voice for voice in VOICES if voice in available][:VOICES_COMPARED]
    if len(chosen) < VOICES_COMPARED:
        found = ", ".join(available[:10]) or "none"
        raise CliError(f"The local voices that the demo compares are not there. There are: {found}.")
    return chosen


def _not_completed(experiment: Experiment) -> NoReturn:
    status = experiment.Status.Name(experiment.status)
    reason = f": {experiment.error_message}" if experiment.error_message else ""
    raise CliError(f"The experiment {status}{reason}.", ExitCode.EXPERIMENT_NOT_COMPLETED)


def _show(session: Session, mesh: LocalMesh, experiment: Experiment, results: Results, data_dir: Path) -> None:
    if session.json:
        session.print_message(results)
        return
    session.out.print()
    session.out.print(results_view(results, session.out.width))
    with ArenaClient(mesh.address, session.key) as client:
        trials = client.trials(experiment.id)
    session.out.print("\nAudio", style="bold")
    for line in audio_places(trials, data_dir):
        session.out.print(plain(f"  {line}"), soft_wrap=True)
    session.out.print()


def audio_places(trials: list[Trial], data_dir: Path) -> list[str]:
    """For each voice, the file of its first prompt; and one signed link as the API gives it."""
    spoken = [trial for trial in trials if trial.HasField("audio_url")]
    if not spoken:
        return ["none: no trial completed"]
    files = {path.name: path for path in data_dir.rglob("*.wav")}
    found = [(trial, files[name]) for trial in spoken if (name := Path(urlsplit(trial.audio_url).path).name) in files]
    lines = []
    if found:
        folder = os.path.commonpath([path.parent for _, path in found])
        lines.append(f"{len(found)} WAV file{'' if len(found) == 1 else 's'} in {folder}, the first prompt's being")
        lines += [
            f"  {model_name(trial.provider, trial.voice_id)}: {path.relative_to(folder)}"
            for trial, path in found
            if trial.prompt_index == 0
        ]
    lines.append(f"signed link, while the mesh is up: {spoken[0].audio_url}")
    return lines


def _stop(steps: Steps, mesh: LocalMesh) -> None:
    with steps.step("Stopping the mesh") as step:
        in_order = mesh.stop()
        step.done = "Stopped; nothing is left running" if in_order else "Stopped; some processes had to be killed"
