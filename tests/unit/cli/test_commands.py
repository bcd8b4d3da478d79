"""The commands against a real server: their output and exit codes."""

# ruff: noqa: ASYNC240 - small local files, and a server that has nothing else to do.
from __future__ import annotations

import io
import json
import wave
from pathlib import Path

import pytest
from google.api.httpbody_pb2 import HttpBody
from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
from voicearena.experiments.v1.experiment_service_pb2 import ListExperimentsRequest
from voicearena.experiments.v1.results_pb2 import Results
from voicearena.tts.v1.tts_pb2 import SpeechParameters
from voicearena.tts.v1.tts_service_pb2 import SynthesizeSpeechRequest

from gateway.cli import watching
from gateway.cli.errors import HINT_KEY, HINT_START
from tests.unit.cli.stand_in import EXPERIMENT_ID, KEY, StandIn, WatchResponse, run_arena

CREATE = ("experiment", "create", "--name", "Greeting", "--model", "espeak:en-us", "--model", "espeak")


async def test_registering_prints_the_key_and_stores_it(mesh: StandIn, no_key: Path) -> None:
    outcome = await run_arena("register", "--name", "Ada", "--email", "ada@example.com")
    assert (outcome.exit_code, outcome.out) == (0, f"{KEY}\n")
    assert outcome.err.startswith("Welcome, Ada. This is your API key. It is shown only once:\n")
    (url, stored), *_ = json.loads(no_key.read_text()).items()
    assert stored == {"api_key": KEY, "developer_id": "dev_1", "email": "ada@example.com"}
    assert outcome.err.endswith(f"The API key for {url} is stored in {no_key}.\n")
    assert (await run_arena("say", "Hello.", "--out", str(no_key.parent / "a.wav"))).exit_code == 0


async def test_a_registered_e_mail_address_is_a_conflict_and_nothing_is_stored(mesh: StandIn, no_key: Path) -> None:
    outcome = await run_arena("register", "--name", "Ada", "--email", "taken@example.com")
    assert (outcome.exit_code, outcome.out, outcome.err) == (5, "", "arena: That e-mail address is registered.\n")
    assert not no_key.exists()


@pytest.mark.parametrize(("arguments", "stdin"), [(("login", "--key", KEY), ""), (("login",), f"{KEY}\n")])
async def test_login_checks_the_key_and_stores_it(
    mesh: StandIn, no_key: Path, arguments: tuple[str, ...], stdin: str
) -> None:
    outcome = await run_arena(*arguments, stdin=stdin)
    assert (outcome.exit_code, outcome.out) == (0, "You are Ada <ada@example.com>.\n")
    assert KEY in no_key.read_text()


async def test_a_wrong_key_is_not_stored(mesh: StandIn, no_key: Path) -> None:
    outcome = await run_arena("login", "--key", "kc_wrong")
    assert (outcome.exit_code, outcome.err) == (3, f"arena: The API key is not valid.\n{HINT_KEY}\n")
    assert not no_key.exists()


@pytest.mark.parametrize("key", ["a b", "ключ", "a\x01b"])
async def test_a_malformed_key_is_bad_input(mesh: StandIn, key: str) -> None:
    assert (await run_arena("login", "--key", key)).exit_code == 2


async def test_login_without_a_key_says_how_to_give_it(mesh: StandIn) -> None:
    outcome = await run_arena("login")
    assert outcome.exit_code == 2
    assert outcome.err.splitlines() == [
        "arena: No API key was given.",
        "Give it with --key, in ARENA_API_KEY or on stdin.",
    ]


async def test_voices_come_from_all_pages(mesh: StandIn) -> None:
    outcome = await run_arena("voices", "--json")
    assert [voice["voice_id"] for voice in json.loads(outcome.out)["voices"]] == [f"v{n}" for n in range(130)]


async def test_the_json_option_can_come_before_the_command(mesh: StandIn) -> None:
    assert (await run_arena("--json", "voices")).out == (await run_arena("voices", "--json")).out


async def test_speech_is_a_wav_of_the_true_length(mesh: StandIn, key: str, tmp_path: Path) -> None:
    file = tmp_path / "hello.wav"
    outcome = await run_arena("say", "Hello.", "--voice", "espeak:en-us:x", "--out", str(file), "--speed", "1.5")
    assert outcome.exit_code == 0
    assert outcome.err.startswith(f"{file}: 1.00 s of speech at 16000 Hz; first audio after ")
    with wave.open(str(file)) as audio:
        assert (audio.getframerate(), audio.getnframes()) == (16000, 16000)
    assert mesh.requests == [
        SynthesizeSpeechRequest(
            text="Hello.",
            provider="espeak",
            voice_id="en-us:x",
            parameters=SpeechParameters(speed=1.5),
            format=SynthesizeSpeechRequest.pcm,
        )
    ]


async def test_speech_can_go_to_stdout(mesh: StandIn, key: str) -> None:
    outcome = await run_arena("say", "Hello.", "-o", "-")
    with wave.open(io.BytesIO(outcome.bytes)) as audio:
        assert audio.getnframes() == 16000


async def test_the_json_of_say_names_the_file(mesh: StandIn, key: str, tmp_path: Path) -> None:
    file = str(tmp_path / "a.wav")
    document = json.loads((await run_arena("say", "Hello.", "-o", file, "--json")).out)
    assert (document["file"], document["duration_seconds"], document["sample_rate_hz"]) == (file, 1.0, 16000)


async def test_without_audio_no_file_is_written(mesh: StandIn, key: str, tmp_path: Path) -> None:
    mesh.chunks = [HttpBody(content_type="audio/l16;rate=16000;channels=1")]
    outcome = await run_arena("say", "Hello.", "-o", str(tmp_path / "a.wav"))
    assert (outcome.exit_code, outcome.err) == (1, "arena: The provider sent no audio.\nTry another voice.\n")
    assert list(tmp_path.glob("*.wav")) == []


async def test_an_experiment_is_created_from_the_options(mesh: StandIn, key: str, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("One.\n\n  Two. \n", encoding="utf-8-sig")
    outcome = await run_arena(*CREATE, "--prompt", "Zero.", "--prompts-file", str(prompts), "--json")
    assert outcome.exit_code == 0
    assert json.loads(outcome.out)["status"] == "created"
    (request,) = mesh.requests
    assert list(request.prompts) == ["Zero.", "One.", "Two."]
    assert [(model.provider, model.voice_id) for model in request.models] == [("espeak", "en-us"), ("espeak", "")]
    assert (request.scenario, request.eval_mode) == ("general", Experiment.automated)


async def test_each_bad_field_is_named(mesh: StandIn, key: str) -> None:
    outcome = await run_arena(*CREATE, "--prompt", "Hi.", "--scenario", "cooking")
    assert outcome.exit_code == 2
    assert outcome.err.splitlines() == [
        "arena: 2 fields are invalid:",
        "  scenario: must be one of general, medical",
        "  models: must be 2 to 4",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (CREATE, "No prompt was given."),
        ((*CREATE, "--prompts-file", "/nowhere"), "Can't read /nowhere: No such file or directory."),
        ((*CREATE, "--prompt", "Hi.", "--model", ":en-us"), "':en-us' is not a voice."),
        ((*CREATE, "--prompt", "Hi.", "--model", "espeak:"), "'espeak:' is not a voice."),
        (("voices", "--url", "localhost"), "'localhost' is not the URL of a gateway."),
        (("say", "Hi.", "-o", "-", "--json"), "--json and --out - both write to stdout."),
    ],
)
async def test_bad_input_is_refused_before_any_call(
    mesh: StandIn, key: str, arguments: tuple[str, ...], message: str
) -> None:
    outcome = await run_arena(*arguments)
    assert (outcome.exit_code, outcome.err.splitlines()[0]) == (2, f"arena: {message}")
    assert mesh.requests == []


@pytest.mark.parametrize("arguments", [("nonsense",), ("voices", "--nonsense"), ("say", "Hi.", "--speed", "9")])
async def test_a_wrong_command_line_is_bad_input(mesh: StandIn, arguments: tuple[str, ...]) -> None:
    assert (await run_arena(*arguments)).exit_code == 2


async def test_running_an_experiment_twice_is_a_conflict(mesh: StandIn, key: str) -> None:
    assert (await run_arena("experiment", "run", EXPERIMENT_ID)).exit_code == 0
    outcome = await run_arena("experiment", "run", EXPERIMENT_ID)
    assert (outcome.exit_code, outcome.err) == (5, "arena: The experiment is running, not created.\n")


async def test_an_unknown_experiment_is_not_found(mesh: StandIn, key: str) -> None:
    outcome = await run_arena("experiment", "results", "exp_x")
    assert (outcome.exit_code, outcome.err) == (4, "arena: There is no experiment exp_x.\n")


async def test_without_a_key_it_says_how_to_get_one(mesh: StandIn) -> None:
    outcome = await run_arena("experiment", "list")
    assert (outcome.exit_code, outcome.err) == (3, f"arena: This call needs an API key.\n{HINT_KEY}\n")


async def test_without_a_mesh_it_says_how_to_start_one(no_key: Path) -> None:
    outcome = await run_arena("voices", "--url", "http://127.0.0.1:1")
    assert (outcome.exit_code, outcome.err) == (6, f"arena: Nothing answers at http://127.0.0.1:1.\n{HINT_START}\n")


async def test_experiments_are_filtered_by_the_server(mesh: StandIn, key: str) -> None:
    outcome = await run_arena("experiment", "list", "--status", "running", "--scenario", "medical", "--json")
    assert [experiment["id"] for experiment in json.loads(outcome.out)["experiments"]] == [EXPERIMENT_ID]
    assert mesh.requests == [ListExperimentsRequest(status=Experiment.running, scenario="medical", page_size=50)]


def ended(status: Experiment.Status.ValueType, error_message: str = "") -> Experiment:
    experiment = Experiment(id=EXPERIMENT_ID, status=status, prompts=["Hello."], error_message=error_message)
    experiment.models.add(provider="espeak", voice_id="en-us")
    experiment.models.add(provider="espeak", voice_id="en-gb")
    return experiment


def trial(number: int, voice: str, status: Trial.Status.ValueType) -> Trial:
    return Trial(id=f"trl_{number}", provider="espeak", voice_id=voice, status=status)


async def test_watching_survives_a_drop_and_ends_with_the_results(
    mesh: StandIn, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FIRST_DELAY_SECONDS", 0.0)
    running, done = ended(Experiment.running), ended(Experiment.completed)
    mesh.trials = [trial(1, "en-us", Trial.pending), trial(2, "en-gb", Trial.pending)]
    mesh.streams = [
        [
            WatchResponse(kind=WatchResponse.state, experiment=running),
            WatchResponse(kind=WatchResponse.heartbeat),
            WatchResponse(kind=WatchResponse.progress, experiment=running, trial=trial(1, "en-us", Trial.completed)),
        ],
        [
            WatchResponse(kind=WatchResponse.state, experiment=running),
            WatchResponse(kind=WatchResponse.progress, experiment=running, trial=trial(2, "en-gb", Trial.failed)),
            WatchResponse(kind=WatchResponse.end, experiment=done),
        ],
    ]
    mesh.results = Results(confidence=Results.inconclusive, reasons=["Only 1 prompt was compared."])
    outcome = await run_arena("experiment", "watch", EXPERIMENT_ID)
    assert outcome.exit_code == 0
    assert outcome.err.splitlines()[:3] == [
        "0 of 2 trials ended: espeak:en-us 0/1, espeak:en-gb 0/1",
        "1 of 2 trials ended: espeak:en-us 1/1, espeak:en-gb 0/1",
        "The connection dropped; trying again in 0 s.",
    ]
    assert outcome.out.splitlines() == [
        "Verdict",
        "There is not enough evidence to rank these models.",
        "  Only 1 prompt was compared." + " " * 51,
    ]


@pytest.mark.parametrize(
    ("experiment", "message"),
    [
        (
            ended(Experiment.failed, error_message="no space"),
            "arena: The experiment ended with status failed: no space",
        ),
        (ended(Experiment.cancelled), "arena: The experiment ended with status cancelled."),
    ],
)
async def test_an_experiment_that_does_not_complete_ends_with_7(
    mesh: StandIn, key: str, experiment: Experiment, message: str
) -> None:
    mesh.streams = [
        [
            WatchResponse(kind=WatchResponse.state, experiment=experiment),
            WatchResponse(kind=WatchResponse.end, experiment=experiment),
        ]
    ]
    outcome = await run_arena("experiment", "watch", EXPERIMENT_ID, "--json")
    assert (outcome.exit_code, outcome.err.splitlines()[-1]) == (7, message)
    assert json.loads(outcome.out)["id"] == EXPERIMENT_ID


async def test_watching_an_experiment_that_was_not_started_is_refused(mesh: StandIn, key: str) -> None:
    mesh.streams = [[WatchResponse(kind=WatchResponse.state, experiment=mesh.experiment)]]
    outcome = await run_arena("experiment", "watch", EXPERIMENT_ID)
    assert outcome.exit_code == 5
    assert outcome.err.splitlines() == [
        "arena: The experiment was not started.",
        f"Start it with `arena experiment run {EXPERIMENT_ID} --watch`.",
    ]


async def test_create_with_watch_starts_the_experiment_and_watches_it_to_its_end(mesh: StandIn, key: str) -> None:
    done = ended(Experiment.completed)
    mesh.streams = [
        [
            WatchResponse(kind=WatchResponse.state, experiment=done),
            WatchResponse(kind=WatchResponse.end, experiment=done),
        ]
    ]
    outcome = await run_arena(*CREATE, "--prompt", "Hello.", "--watch", "--json")
    assert (outcome.exit_code, json.loads(outcome.out)["status"]) == (0, "completed")
    assert outcome.err.splitlines()[0] == f"Created {EXPERIMENT_ID}."
    assert mesh.experiment.status == Experiment.running


async def test_measurements_have_the_labels_of_the_api(mesh: StandIn, key: str) -> None:
    mesh.trials = [trial(1, "en-us", Trial.completed)]
    mesh.trials[0].ttfb_ms = 3.5
    outcome = await run_arena("experiment", "trials", EXPERIMENT_ID)
    header, _, line = outcome.out.splitlines()[:3]
    assert header.split() == ["Nr", "Prompt", "Model", "Status", "TTFB", "Total", "Silence", "Length"]
    assert "3.5 ms" in line


async def test_a_verdict_is_shown_without_measurements_if_metrics_cannot_be_listed(mesh: StandIn, key: str) -> None:
    mesh.scoring_down = True
    mesh.results = Results(confidence=Results.inconclusive, reasons=["Only 1 prompt was compared."])
    mesh.results.rankings.add(provider="espeak", voice_id="en-us", rank=1, trials_completed=1)
    outcome = await run_arena("experiment", "results", EXPERIMENT_ID)
    assert outcome.exit_code == 0
    assert outcome.out.splitlines()[1].split() == ["#", "Model", "Score", "Trials"]
    assert outcome.err.startswith("Measurements are not shown: ")


async def test_trials_in_json_have_no_fields_for_absent_measurements(mesh: StandIn, key: str) -> None:
    mesh.trials = [trial(1, "en-us", Trial.completed)]
    mesh.trials[0].ttfb_ms = 3.5
    (document,) = json.loads((await run_arena("experiment", "trials", EXPERIMENT_ID, "--json")).out)["trials"]
    assert (document["ttfb_ms"], document["status"], document["prompt_index"]) == (3.5, "completed", 0)
    assert "audio_url" not in document


async def test_an_unexpected_error_is_one_line_without_a_traceback(
    mesh: StandIn, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("wires crossed")

    monkeypatch.setattr("gateway.cli.rendering.experiments_table", broken)
    outcome = await run_arena("experiment", "list")
    assert outcome.exit_code == 1
    assert outcome.err.splitlines() == [
        "arena: Unexpected RuntimeError: wires crossed",
        "Set ARENA_DEBUG=1 to see where it happened.",
    ]
