"""`arena evaluate` and `arena evaluation`: the upload, the live steps, the result on a terminal and as a page."""

# ruff: noqa: ASYNC240 - small local files, and a server that has nothing else to do.
from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from voicearena.scoring.v1.evaluation_metrics_pb2 import (
    Diarization,
    EvaluationMetrics,
    NoiseMetrics,
    StepState,
    Transcription,
    WordErrors,
)
from voicearena.scoring.v1.evaluation_service_pb2 import CreateEvaluationRequest
from voicearena.scoring.v1.evaluation_service_pb2 import WatchEvaluationResponse as Watch
from voicearena.scoring.v1.scoring_pb2 import Evaluation, Metric

from gateway.cli import watching
from gateway.cli.evaluation import figures, result_view
from gateway.cli.evaluation_progress import LiveSteps, PlainSteps, step_line
from gateway.cli.evaluation_report import render_evaluation
from services.shared.reporting.aligned_words import aligned_words
from tests.unit.cli.stand_in import StandIn, run_arena

Operation = WordErrors.Operation
WAV = b"RIFF" + bytes(600_000)
ERRORS = WordErrors(
    word_error_rate=0.75,
    hits=2,
    substitutions=1,
    deletions=1,
    insertions=1,
    alignment=[
        WordErrors.Span(operation=Operation.equal, reference=["pay"], transcript=["pay"]),
        WordErrors.Span(operation=Operation.substitute, reference=["4815", "dollars"], transcript=["4850"]),
        WordErrors.Span(operation=Operation.equal, reference=["now"], transcript=["now"]),
        WordErrors.Span(operation=Operation.insert, transcript=["please"]),
    ],
    hard_words=[
        WordErrors.HardWord(kind="amount", text="$4815", heard="4850"),
        WordErrors.HardWord(kind="date", text="May 3", heard="may 3", exact=True),
    ],
    failures=[WordErrors.Failure(kind="cut_off", words=["thank", "you"], start_seconds=4, end_seconds=5)],
)
STEPS = [
    StepState(name="decode", status=StepState.completed, seconds=0.5),
    StepState(name="noise", status=StepState.completed, seconds=1.25),
    StepState(name="word_errors", status=StepState.completed, seconds=0.0),
    StepState(name="emotion", status=StepState.skipped, reason="No model is installed.", seconds=0.0),
    StepState(name="naturalness", status=StepState.skipped, reason="No model is installed.", seconds=0.0),
]
ENDED = Evaluation(
    id="evl_1",
    status=Evaluation.completed,
    duration_seconds=10,
    metrics=EvaluationMetrics(
        transcription=Transcription(text="pay 4850 now please"),
        word_errors=ERRORS,
        noise=NoiseMetrics(snr_db=12.5, telephone=False, backend="snr/1"),
    ),
    condition_metrics={"telephone": EvaluationMetrics(noise=NoiseMetrics(snr_db=30, telephone=True))},
    diarization=Diarization(
        num_speakers=2,
        turns=[
            Diarization.Turn(speaker="agent", start_seconds=0, end_seconds=5),
            Diarization.Turn(speaker="caller", start_seconds=5, end_seconds=10),
        ],
        talk_shares={"agent": 0.5, "caller": 0.5},
    ),
    steps=STEPS,
)
METRICS = [
    Metric(name="word_error_rate", label="Word errors", step="word_errors"),
    Metric(name="snr_db", label="SNR", unit="dB", step="noise", good_minimum=25),
    Metric(name="telephone", label="Telephone", step="noise"),
    Metric(name="ttfb_ms", label="TTFB", unit="ms"),
    Metric(name="utmos", label="UTMOS", unit="MOS", step="naturalness"),
]
END = Watch(kind=Watch.end, evaluation=ENDED)


def shown(evaluation: Evaluation, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(result_view(evaluation, METRICS, "call.wav", width))
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


def test_words_stand_above_each_other_and_errors_are_marked() -> None:
    assert [(word.reference, word.heard, word.operation) for word in aligned_words(ERRORS)] == [
        ("pay", "pay", "equal"),
        ("4815", "4850", "substitute"),
        ("dollars", "", "delete"),
        ("now", "now", "equal"),
        ("", "please", "insert"),
    ]
    assert (
        "reference  pay 4815 dollars now ******\n"
        "heard      pay 4850 ******* now please\n"
        "               S    D           I\n"
    ) in shown(ENDED)


def test_long_texts_are_wrapped_and_rows_without_errors_have_no_marks() -> None:
    words = ["word"] * 20
    errors = WordErrors(alignment=[WordErrors.Span(operation=Operation.equal, reference=words, transcript=words)])
    text = shown(Evaluation(id="evl_1", metrics=EvaluationMetrics(word_errors=errors)), width=60)
    assert max(len(line) for line in text.splitlines() if line.startswith(("reference", "heard"))) <= 60
    assert text.count("reference  word") == 3


def test_the_result_has_hard_words_failures_speakers_and_what_is_missing() -> None:
    text = shown(ENDED)
    assert "call.wav  completed  10.00 s  evl_1" in text
    assert "  ✗ amount $4815: heard 4850\n  ✓ date May 3\n" in text
    assert '  ✗ cut off "thank you", 4.0 to 5.0 s' in text
    (agent,) = [line for line in text.splitlines() if line.startswith("  agent")]
    (caller,) = [line for line in text.splitlines() if line.startswith("  caller")]
    assert (agent[9], agent[-5:], caller[9], caller.rstrip(" 50.%")[-1]) == ("█", "50.0%", " ", "█")
    assert "  emotion, naturalness: No model is installed." in text


def test_numbers_stand_beside_their_good_range_and_that_of_other_versions() -> None:
    found = {figure.label: figure for figure in figures(ENDED, METRICS)}
    assert list(found) == ["SNR", "Telephone", "Word errors"]
    snr = found["SNR"]
    assert (snr.value, snr.conditions, snr.range, snr.backend) == (12.5, (30.0,), "25.00 dB or more", "snr/1")
    assert (snr.is_good(12.5), snr.is_good(30.0), snr.is_good(None)) == (False, True, None)
    assert found["Word errors"].shown(0.75) == "75.0%"
    assert [found["Telephone"].shown(value) for value in (0.0, 1.0, None)] == ["no", "yes", "–"]
    assert "12.50 dB !" in shown(ENDED)


def test_a_transcript_without_a_reference_is_shown_alone() -> None:
    evaluation = Evaluation(metrics=EvaluationMetrics(transcription=Transcription(text="hello\x1b[2J there")))
    assert "Transcript\nhello [2J there" in shown(evaluation)


def test_a_step_has_its_time_or_its_reason() -> None:
    assert step_line(STEPS[1]).plain.split() == ["✓", "noise", "1.2", "s"]
    assert step_line(STEPS[3]).plain.endswith("s  No model is installed.")
    running = StepState(name="noise", status=StepState.started, condition="telephone")
    assert step_line(running).plain.split() == ["…", "noise", "(telephone)"]


def test_without_a_terminal_each_step_is_printed_once_when_it_has_ended() -> None:
    console = Console(file=io.StringIO(), width=80)
    with PlainSteps(console) as view:
        view.show([StepState(name="decode", status=StepState.started), StepState(name="noise")])
        view.show(STEPS[:2])
        view.show(STEPS)
    names = [line.split()[1] for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert names == ["decode", "noise", "word_errors", "emotion", "naturalness"]


def test_on_a_terminal_all_steps_are_drawn() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with LiveSteps(console) as view:
        view.show(STEPS)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(step.name in text for step in STEPS)


def test_the_page_has_everything_and_runs_nothing(tmp_path: Path) -> None:
    recording = tmp_path / "<call>.wav"
    recording.write_bytes(b"RIFF1234")
    page = render_evaluation(ENDED, METRICS, recording)
    assert "<h1>&lt;call&gt;.wav</h1>" in page
    assert 'src="data:audio/wav;base64,UklGRjEyMzQ="' in page
    assert "<del>4815</del><ins>4850</ins><small>replaced</small>" in page
    assert page.count("<rect ") == 2
    assert '<td class="number bad">12.50 dB</td><td class="number good">30.00 dB</td><td>25.00 dB or more</td>' in page
    assert "<li>emotion, naturalness: No model is installed.</li>" in page
    assert "<script" not in page
    recording.unlink()
    assert "<audio" not in render_evaluation(ENDED, METRICS, recording)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    file = tmp_path / "call.wav"
    file.write_bytes(WAV)
    return file


def states(*messages: Watch) -> list[Watch]:
    began = Evaluation(id="evl_1", status=Evaluation.running, steps=[StepState(name="decode")])
    return [Watch(kind=Watch.state, evaluation=began), *messages]


async def test_a_recording_is_uploaded_watched_and_shown(
    mesh: StandIn, key: str, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FIRST_DELAY_SECONDS", 0.0)
    progress = Watch(kind=Watch.progress, step=STEPS[0])
    # The first stream drops.
    mesh.evaluation_streams = [states(progress, Watch(kind=Watch.heartbeat)), states(END)]
    page = recording.parent / "call.html"
    outcome = await run_arena(
        *("evaluate", str(recording), "--reference", "pay $4815 now", "--num-speakers", "2", "--html", str(page)),
        *("--step", "noise", "--condition", "telephone", "--name", "Maria", "--language", "en-GB", "--model", "mdl_1"),
        *("--scenario", "scn_1"),
    )
    assert outcome.exit_code == 0
    assert mesh.uploaded == WAV
    (request,) = mesh.requests
    assert len(request.request_id) == 32
    request.request_id = ""
    assert request == CreateEvaluationRequest(
        reference_text="pay $4815 now",
        num_speakers=2,
        steps=["noise"],
        conditions=["telephone"],
        names=["Maria"],
        scenario_id="scn_1",
        language="en-GB",
        model_id="mdl_1",
    )
    assert "✓ decode" in outcome.err
    assert "The connection dropped" in outcome.err
    assert "heard      pay 4850 ******* now please" in outcome.out
    assert outcome.err.replace("\n", "").endswith(f"The result is in {page}.")
    assert "Evaluation evl_1" in page.read_text()


async def test_an_upload_over_the_rate_limit_is_sent_again_as_the_same_request(
    mesh: StandIn, key: str, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.connection.RATE_LIMIT_DELAY_SECONDS", 0.0)
    mesh.calls_refused = 2
    mesh.evaluation_streams = [[END]]
    assert (await run_arena("evaluate", str(recording))).exit_code == 0
    assert (mesh.uploaded, len({request.request_id for request in mesh.requests})) == (WAV, 1)


async def test_json_is_the_evaluation_of_the_api(mesh: StandIn, key: str, recording: Path) -> None:
    mesh.evaluation_streams = [[END]]
    document = json.loads((await run_arena("evaluate", str(recording), "--json")).out)
    assert (document["id"], document["metrics"]["noise"]["snr_db"]) == ("evl_1", 12.5)


async def test_a_reference_can_come_from_a_file(mesh: StandIn, key: str, recording: Path) -> None:
    text = recording.parent / "text.txt"
    text.write_text("Grüße", encoding="utf-8")
    mesh.evaluation_streams = [[END]]
    await run_arena("evaluate", str(recording), "--reference-file", str(text))
    assert mesh.requests[0].reference_text == "Grüße"
    text.write_bytes(b"\xff")
    outcome = await run_arena("evaluate", str(recording), "--reference-file", str(text))
    assert (outcome.exit_code, outcome.err) == (2, f"arena: {text} is not text in UTF-8.\n")
    outcome = await run_arena("evaluate", str(recording), "--reference-file", str(text), "--reference", "x")
    assert outcome.exit_code == 2


async def test_a_failed_evaluation_has_its_own_exit_code(mesh: StandIn, key: str, recording: Path) -> None:
    steps = [StepState(name="decode", status=StepState.failed, reason="It is not audio.")]
    failed = Evaluation(id="evl_1", status=Evaluation.failed, error_message="It is not audio.", steps=steps)
    mesh.evaluation_streams = [[Watch(kind=Watch.end, evaluation=failed)]]
    outcome = await run_arena("evaluate", str(recording))
    assert (outcome.exit_code, outcome.err.splitlines()[-1]) == (7, "arena: It is not audio.")
    assert "Not measured" not in outcome.out


async def test_bad_files_are_bad_input(mesh: StandIn, key: str, recording: Path) -> None:
    none = recording.parent / "none.wav"
    outcome = await run_arena("evaluate", str(none))
    assert (outcome.exit_code, outcome.err) == (2, f"arena: {none} can't be read: No such file or directory.\n")
    recording.write_bytes(b"a text")
    outcome = await run_arena("evaluate", str(recording))
    assert (outcome.exit_code, outcome.err) == (2, "arena: audio: must be a recording\n")


async def test_an_earlier_evaluation_is_shown_again(mesh: StandIn, key: str) -> None:
    mesh.evaluations["evl_1"] = ENDED
    outcome = await run_arena("evaluation", "show", "evl_1")
    assert outcome.exit_code == 0
    assert "heard      pay 4850 ******* now please" in outcome.out
    document = json.loads((await run_arena("evaluation", "show", "evl_1", "--json")).out)
    assert document["metrics"]["noise"]["snr_db"] == 12.5
    outcome = await run_arena("evaluation", "show", "evl_2")
    assert (outcome.exit_code, outcome.err) == (4, "arena: There is no evaluation evl_2.\n")
