"""The HTML report, which needs no other file."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
from voicearena.experiments.v1.results_pb2 import Results
from voicearena.scoring.v1.evaluation_metrics_pb2 import WordErrors

from services.experiments.exports.usecases import Exporting
from services.experiments.report.figures import Cell, chart, matrix
from services.experiments.report.page import render_report
from services.experiments.report.usecases import Reporting, base64_pieces
from services.runtime.audio_store import AudioLinks, AudioStore
from services.runtime.errors import InvalidInput, NotFound, QuotaExceeded, WrongState
from services.runtime.exports import MAX_EXPORTS_PER_DEVELOPER, ExportLimits
from tests.fakes.memory_vote_store import MemoryVoteStore
from tests.unit.experiments.conftest import World, call_as

AUDIO = {f"trl_{number}": f"data:audio/wav;base64,{number}+/=" for number in (1, 3, 4)}
HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def experiment() -> Experiment:
    experiment = Experiment(
        id="exp_1", name=HOSTILE, scenario="customer_support", eval_mode=Experiment.automated, prompts=["Hi.", HOSTILE]
    )
    experiment.seed, experiment.repeats = 7, 1
    for voice in ("a", "b"):
        experiment.models.add(provider="x", voice_id=voice)
    experiment.ended_at.FromJsonString("2026-01-31T10:20:30Z")
    return experiment


@pytest.fixture
def results() -> Results:
    results = Results(winner="x:a", leader="x:a", confidence=Results.high, primary_metric="composite_per_prompt")
    results.method_version, results.inputs_digest = "verdict/9", "sha256:abc"
    results.composite.name = "latency"
    results.composite.weights.add(metric="ttfb", weight=1.0)
    for voice, score in (("a", 0.9), ("b", 0.7)):
        ranking = results.rankings.add(provider="x", voice_id=voice, rank=1, composite_score=score, trials_completed=2)
        ranking.score_low, ranking.score_high = score - 0.1, score + 0.1
        ranking.components.add(metric="ttfb", score=score)
    pair = results.head_to_head.add(model_a="x:a", model_b="x:b", a_wins=2)
    pair.effect, pair.effect_low, pair.effect_high, pair.p_value, pair.p_holm = 0.2, 0.1, 0.3, 0.01, 0.01
    pair.favours = "x:a"
    results.reasons.append("Two prompts only.")
    return results


def trials() -> list[Trial]:
    return [
        Trial(id="trl_1", prompt_index=0, model_index=0, provider="x", voice_id="a", ttfa_ms=120.0),
        Trial(id="trl_2", prompt_index=0, model_index=1, provider="x", voice_id="b", error_message=HOSTILE),
        Trial(id="trl_3", prompt_index=1, model_index=0, provider="x", voice_id="a"),
        Trial(id="trl_4", prompt_index=1, model_index=1, provider="x", voice_id="b"),
    ]


class ParsedDocument(HTMLParser):
    """The tags of a document and the URLs in them."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.targets += [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]


def test_all_audio_is_in_the_file_and_nothing_is_fetched(experiment: Experiment, results: Results) -> None:
    document = render_report(experiment, results, trials(), AUDIO)
    parsed = ParsedDocument(document)
    assert parsed.tags.count("audio") == 3
    assert parsed.targets == list(AUDIO.values())
    assert "default-src 'none'" in document
    assert not re.search(r"https?://|url\(|@import", document)


def test_text_from_other_users_is_never_markup(experiment: Experiment, results: Results) -> None:
    document = render_report(experiment, results, trials(), AUDIO)
    assert "script" not in ParsedDocument(document).tags
    assert document.count("&lt;script&gt;") == 4


def test_the_verdict_and_its_reasons_come_first(experiment: Experiment, results: Results) -> None:
    document = render_report(experiment, results, trials(), AUDIO)
    assert "<strong>x:a wins, with high confidence.</strong>" in document
    assert document.index("Two prompts only.") < document.index("<svg") < document.index("<audio")
    assert "Seed of the trial order: 7. Method verdict/9." in document


def test_the_report_names_a_supervised_panel_and_votes_that_were_left_out(
    experiment: Experiment, results: Results
) -> None:
    results.votes.votes, results.votes.listeners, results.votes.supervised, results.votes.excluded = 8, 8, 8, 3
    results.votes.exclusions.add(reason="one_side", votes=3, description=HOSTILE)
    document = render_report(experiment, results, trials(), AUDIO)
    assert "8 votes from 8 listeners; 8 from a supervised panel, whose listeners can share one address" in document
    assert "3 further votes left out: 3 &lt;script&gt;" in document


def test_the_chart_puts_scores_and_intervals_on_one_axis(results: Results) -> None:
    drawn = chart(results, by_people=False)
    assert drawn
    first, second = drawn.rows
    assert (first.name, first.wins, first.label) == ("x:a", True, "0.900 (0.800 to 1.000)")
    # The axis is 0.6 to 1.0 with 5% more at each end, cut at 1.
    assert [first.low, first.score, first.high] == [pytest.approx(v, abs=0.2) for v in (335.2, 487.6, 640.0)]
    assert [second.low, second.score, second.high] == [pytest.approx(v, abs=0.2) for v in (30.5, 182.9, 335.2)]


def test_the_values_on_the_axis_differ_also_for_scores_that_hardly_do(experiment: Experiment, results: Results) -> None:
    for ranking, score in zip(results.rankings, (0.932, 0.916), strict=True):
        ranking.composite_score = score
        ranking.ClearField("score_low")
        ranking.ClearField("score_high")
    document = render_report(experiment, results, trials(), AUDIO)
    ticks = re.findall(r'<text class="tick"[^>]*text-anchor="middle">([^<]*)<', document)
    assert ticks == ["0.906", "0.915", "0.924", "0.933", "0.942"]
    assert "95% interval of the scores" not in document


def test_the_matrix_is_read_by_line(results: Results) -> None:
    assert [[(cell.text, cell.kind) for cell in line] for line in matrix(results, by_people=False)] == [
        [("", "self"), ("2–0–0", "better")],
        [("0–2–0", "worse"), ("", "self")],
    ]


def test_if_people_judge_the_figures_show_their_votes(experiment: Experiment, results: Results) -> None:
    experiment.eval_mode = Experiment.human
    for ranking, share in zip(results.rankings, (0.657, 0.343), strict=True):
        ranking.preference_share = share
    (pair,) = results.head_to_head
    # The measurements favour the first model, and people the second.
    pair.votes.a, pair.votes.b, pair.votes.ties, pair.votes.both_bad, pair.votes.p_holm = 4, 20, 2, 1, 0.04
    results.votes.votes = 27
    drawn = chart(results, by_people=True)
    assert drawn
    assert [(row.label, row.low == row.score == row.high) for row in drawn.rows] == [("65.7%", True), ("34.3%", True)]
    assert [label for _, label in drawn.ticks] == ["33%", "41%", "50%", "59%", "67%"]
    assert matrix(results, by_people=True)[0][1] == Cell("4–20–3", "worse")
    pair.votes.p_holm = 0.06
    assert matrix(results, by_people=True)[0][1] == Cell("4–20–3", "open")
    document = render_report(experiment, results, trials(), AUDIO)
    assert "Preference of listeners" in document
    assert "how many votes the model in its row won" in document


def test_an_experiment_without_a_ranking_still_has_a_report(experiment: Experiment) -> None:
    nothing = Results(confidence=Results.inconclusive, reasons=["Fewer than two models completed a trial."])
    document = render_report(experiment, nothing, trials(), AUDIO)
    assert "<svg" not in document
    assert "Fewer than two models completed a trial." in document


def test_errors_are_marked_by_shape_and_escaped(experiment: Experiment, results: Results) -> None:
    operation = WordErrors.Operation
    words = WordErrors(
        alignment=[
            WordErrors.Span(operation=operation.equal, reference=["pay"], transcript=["pay"]),
            WordErrors.Span(operation=operation.substitute, reference=["4815"], transcript=["<4850>"]),
            WordErrors.Span(operation=operation.delete, reference=["now"]),
        ],
        hard_words=[WordErrors.HardWord(kind="amount", text="$4815", heard="4850")],
        failures=[WordErrors.Failure(kind="cut_off", words=["now"], start_seconds=1, end_seconds=2)],
    )
    spoken = trials()
    spoken[0].words.CopyFrom(words)
    spoken[0].word_error_rate, spoken[0].speech_failures = 0.5, 1
    spoken[2].transcript = "only heard"
    results.rankings[1].ruled_out = "x:b can't win."
    results.rankings[0].avg_word_error_rate, results.rankings[0].avg_speech_failures = 0.5, 0.25
    document = render_report(experiment, results, spoken, {})
    assert "<td>✗</td>" in document
    assert "<del>4815</del> <ins>&lt;4850&gt;</ins>" in document
    assert '<span class="error" title="missing"><del>now</del></span>' in document
    assert "✗ amount $4815: heard 4850" in document
    assert "✗ cut off: now" in document
    assert "only heard" in document
    # A mean of counts, a share and a count of one trial.
    assert '<td class="number">50.0%</td><td class="number">0.25</td>' in document
    assert "Word errors 50.0%, Failures 1" in document


class Reports:
    """Reports of experiments in memory, with audio in a folder."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.audio = AudioStore(str(folder))
        self.limits = ExportLimits()
        links = AudioLinks("a secret that is long enough to sign with", "http://localhost", 60)
        self.making = Reporting(world.database, world.store, world.reading, self.audio, links, self.limits)

    async def completed(self, audio: bytes) -> tuple[str, list[str]]:
        """Completes an experiment with this audio for each trial. Returns its id and those of its trials."""
        experiment_id, spoken = await self.world.start(name=HOSTILE, prompts=["One.", "Two."])
        for trial in spoken:
            await self.audio.put(f"{trial.id}.wav", audio)
        await self.world.finish(*spoken)
        return experiment_id, [trial.id for trial in spoken]

    async def read(self, experiment_id: str, *, with_audio: bool = True, max_audio_mb: int = 256) -> str:
        """Returns the whole file."""
        async with self.making.report(experiment_id, with_audio=with_audio, max_audio_mb=max_audio_mb) as report:
            assert report.name == f"{experiment_id}.html"
            return b"".join([piece async for piece in report.pieces()]).decode()


@pytest.fixture
def reports(world: World, tmp_path: Path) -> Reports:
    return Reports(world, tmp_path)


async def test_the_report_has_the_audio_of_each_trial(reports: Reports) -> None:
    wav = b"RIFF" + bytes(range(256)) * 1000
    experiment_id, ids = await reports.completed(wav)
    document = await reports.read(experiment_id)
    assert ParsedDocument(document).targets == [f"data:audio/wav;base64,{base64.b64encode(wav).decode()}"] * len(ids)
    assert "&lt;script&gt;" in document
    assert ParsedDocument(await reports.read(experiment_id, with_audio=False)).targets == []


async def test_audio_that_was_deleted_is_left_out(reports: Reports) -> None:
    experiment_id, ids = await reports.completed(b"RIFF")
    await reports.audio.delete(f"{ids[0]}.wav")
    assert len(ParsedDocument(await reports.read(experiment_id)).targets) == len(ids) - 1


async def test_audio_that_is_deleted_while_the_report_is_sent_is_an_error(reports: Reports) -> None:
    experiment_id, ids = await reports.completed(b"RIFF")
    async with reports.making.report(experiment_id, with_audio=True, max_audio_mb=1) as report:
        await reports.audio.delete(f"{ids[-1]}.wav")
        with pytest.raises(NotFound):
            [piece async for piece in report.pieces()]


async def test_more_audio_than_allowed_is_refused_with_what_it_needs(reports: Reports) -> None:
    # Each of the four trials has 1 MB in base 64.
    experiment_id, _ = await reports.completed(bytes(768 * 1024))
    assert len(await reports.read(experiment_id, max_audio_mb=4)) > 4 * 1024 * 1024
    with pytest.raises(InvalidInput, match="max_audio_mb: must be at least 4 for the audio of this experiment"):
        await reports.read(experiment_id, max_audio_mb=3)
    assert await reports.read(experiment_id, max_audio_mb=3, with_audio=False)


@pytest.mark.parametrize("megabytes", [0, -1, 4097])
async def test_the_limit_of_audio_has_a_range(reports: Reports, megabytes: int) -> None:
    experiment_id, _ = await reports.completed(b"RIFF")
    with pytest.raises(InvalidInput, match="max_audio_mb: must be 1 to 4096"):
        await reports.read(experiment_id, max_audio_mb=megabytes)


async def test_only_a_completed_experiment_of_the_caller_has_a_report(reports: Reports) -> None:
    running, _ = await reports.world.start()
    with pytest.raises(WrongState, match="The experiment is running"):
        await reports.read(running)
    completed, _ = await reports.completed(b"RIFF")
    call_as("dev_b")
    with pytest.raises(NotFound):
        await reports.read(completed)


async def test_reports_and_exports_share_a_quota(reports: Reports) -> None:
    experiment_id, _ = await reports.completed(b"RIFF")
    world = reports.world
    exporting = Exporting(world.database, world.store, world.reading, MemoryVoteStore(), reports.limits)
    async with AsyncExitStack() as stack:
        for _ in range(MAX_EXPORTS_PER_DEVELOPER - 1):
            await stack.enter_async_context(exporting.export(experiment_id, "csv", "trials"))
        report = reports.making.report(experiment_id, with_audio=True, max_audio_mb=1)
        await stack.enter_async_context(report)
        with pytest.raises(QuotaExceeded):
            await reports.read(experiment_id)
    assert await reports.read(experiment_id)


@given(st.lists(st.binary(max_size=7)))
def test_pieces_of_any_size_are_one_text_in_base_64(chunks: list[bytes]) -> None:
    async def given_chunks() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def encoded() -> bytes:
        return b"".join([piece async for piece in base64_pieces(given_chunks())])

    assert asyncio.run(encoded()) == base64.b64encode(b"".join(chunks))
