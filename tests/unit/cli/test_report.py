"""The HTML report, which needs no other file."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import pytest
from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
from voicearena.experiments.v1.results_pb2 import Results

from gateway.cli.report import ReportTrial, audio_name, chart_rows, matrix, render_report
from tests.unit.cli.stand_in import METRICS

WAV = b"RIFF\x00\x01 and the rest of it"
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


def trials() -> list[ReportTrial]:
    return [
        ReportTrial(Trial(prompt_index=0, model_index=0, provider="x", voice_id="a", ttfa_ms=120.0), WAV),
        ReportTrial(Trial(prompt_index=0, model_index=1, provider="x", voice_id="b", error_message=HOSTILE), None),
        ReportTrial(Trial(prompt_index=1, model_index=0, provider="x", voice_id="a"), WAV),
        ReportTrial(Trial(prompt_index=1, model_index=1, provider="x", voice_id="b"), WAV),
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
    document = render_report(experiment, results, trials(), METRICS)
    parsed = ParsedDocument(document)
    assert parsed.tags.count("audio") == 3
    assert parsed.targets == [f"data:audio/wav;base64,{base64.b64encode(WAV).decode()}"] * 3
    assert "default-src 'none'" in document
    assert not re.search(r"https?://|url\(|@import", document)


def test_text_from_other_users_is_never_markup(experiment: Experiment, results: Results) -> None:
    document = render_report(experiment, results, trials(), METRICS)
    assert "script" not in ParsedDocument(document).tags
    assert document.count("&lt;script&gt;") == 4


def test_the_verdict_and_its_reasons_come_first(experiment: Experiment, results: Results) -> None:
    document = render_report(experiment, results, trials(), METRICS)
    assert "<strong>x:a wins, with high confidence.</strong>" in document
    assert document.index("Two prompts only.") < document.index("<svg") < document.index("<audio")
    assert "Seed of the trial order: 7. Method verdict/9." in document


def test_the_report_names_a_supervised_panel_and_votes_that_were_left_out(
    experiment: Experiment, results: Results
) -> None:
    results.votes.votes, results.votes.listeners, results.votes.supervised, results.votes.excluded = 8, 8, 8, 3
    results.votes.exclusions.add(reason="one_side", votes=3, description=HOSTILE)
    document = render_report(experiment, results, trials(), METRICS)
    assert "8 votes from 8 listeners; 8 from a supervised panel, whose listeners can share one address" in document
    assert "3 further votes left out: 3 &lt;script&gt;" in document


def test_the_chart_puts_scores_and_intervals_on_one_axis(results: Results) -> None:
    first, second = chart_rows(results)
    assert (first.name, first.wins, first.label) == ("x:a", True, "0.900 (0.800 to 1.000)")
    # The axis is 0.6 to 1.0 with 5% more at each end, cut at 1.
    assert [first.low, first.score, first.high] == [pytest.approx(v, abs=0.2) for v in (335.2, 487.6, 640.0)]
    assert [second.low, second.score, second.high] == [pytest.approx(v, abs=0.2) for v in (30.5, 182.9, 335.2)]


def test_the_matrix_is_read_by_line(results: Results) -> None:
    assert [[(cell.text, cell.kind) for cell in line] for line in matrix(results)] == [
        [("", "self"), ("2–0–0", "better")],
        [("0–2–0", "worse"), ("", "self")],
    ]


def test_an_experiment_without_a_ranking_still_has_a_report(experiment: Experiment) -> None:
    nothing = Results(confidence=Results.inconclusive, reasons=["Fewer than two models completed a trial."])
    document = render_report(experiment, nothing, trials(), METRICS)
    assert "<svg" not in document
    assert "Fewer than two models completed a trial." in document


def test_the_name_of_the_audio_is_taken_from_its_link() -> None:
    assert audio_name(Trial(audio_url="http://h/api/v1/audio/trl_1.wav?expires=1&signature=s")) == "trl_1.wav"
