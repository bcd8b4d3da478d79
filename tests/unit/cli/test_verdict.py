"""How the results look on a terminal, and the sentences of the verdict."""

from __future__ import annotations

import pytest
from voicearena.experiments.v1.results_pb2 import Results

from gateway.cli.verdict import components_table, head_to_head_table, ranking_table, results_view
from services.shared.reporting.verdict_text import p_value, verdict_sentences, votes_summary
from tests.unit.cli.stand_in import METRICS
from tests.unit.cli.test_rendering import drawn


@pytest.fixture
def results() -> Results:
    results = Results(
        winner="espeak:en-us",
        leader="espeak:en-us",
        confidence=Results.medium,
        gap_level=Results.high,
        evidence_level=Results.medium,
        p_winner=0.03125,
        minimum_detectable_effect=0.0421,
        primary_metric="composite",
        reasons=["Only 6 prompts were compared; high confidence takes 8."],
    )
    results.composite.name, results.composite.version = "latency", 1
    for metric, weight in [("ttfb", 0.3), ("generation_time", 0.25), ("silence", 0.25), ("duration_accuracy", 0.2)]:
        results.composite.weights.add(metric=metric, weight=weight)
    for voice, rank, score in [("en-us", 1, 0.875), ("en-gb+klatt4", 2, 0.75), ("en-us+whisper", 2, 0.5)]:
        ranking = results.rankings.add(provider="espeak", voice_id=voice, rank=rank, composite_score=score)
        ranking.trials_completed = 6
        ranking.avg_ttfb_ms, ranking.avg_generation_time_ms = 3.2, 44.7
        ranking.avg_silence_ratio, ranking.avg_duration_seconds = 0.123, 3.41
        for metric in ("ttfb", "generation_time", "silence"):
            ranking.components.add(metric=metric, score=score)
    results.rankings[2].trials_failed = 1
    pair = results.head_to_head.add(model_a="espeak:en-us", model_b="espeak:en-gb+klatt4", a_wins=5, ties=1, pairs=6)
    pair.effect, pair.effect_low, pair.effect_high, pair.p_value, pair.p_holm = 0.0712, 0.05, 0.0912, 0.03125, 0.0625
    results.head_to_head.add(model_a="espeak:en-us", model_b="espeak:en-us+whisper")
    return results


def test_the_ranking_fits_80_columns_and_shared_ranks_are_marked(results: Results) -> None:
    assert drawn(ranking_table(results, METRICS, 80)) == [
        "#   Model                 Score             TTFB  Total  Silence  Length  Trials",
        "────────────────────────────────────────────────────────────────────────────────",
        "1   espeak:en-us          ███████  0.875  3.2 ms  45 ms    12.3%  3.41 s     6/6",
        "2=  espeak:en-gb+klatt4   ██████   0.750  3.2 ms  45 ms    12.3%  3.41 s     6/6",
        "2=  espeak:en-us+whisper  ████     0.500  3.2 ms  45 ms    12.3%  3.41 s     6/7",
    ]


def test_a_wide_terminal_gets_longer_bars_and_more_metrics(results: Results) -> None:
    results.rankings[2].avg_naturalness_mos = 4.123
    lines = drawn(ranking_table(results, METRICS, 120), 120)
    assert lines[0].endswith("TTFB  Total  Silence  Length  Natural  Charm  Trials")
    assert lines[3].endswith("3.2 ms  45 ms    12.3%  3.41 s        –      –     6/6")
    assert lines[4] == (
        "2=  espeak:en-us+whisper  ██████████           0.500  3.2 ms  45 ms    12.3%  3.41 s     4.12      –     6/7"
    )


def test_without_a_list_of_metrics_the_ranking_has_no_measurements(results: Results) -> None:
    assert drawn(ranking_table(results, (), 80))[0].split() == ["#", "Model", "Score", "Trials"]


def test_a_model_without_completed_trials_has_dashes(results: Results) -> None:
    ranking = results.rankings[2]
    for field in ("avg_ttfb_ms", "avg_generation_time_ms", "avg_silence_ratio", "avg_duration_seconds"):
        ranking.ClearField(field)
    ranking.trials_completed = 0
    assert drawn(ranking_table(results, METRICS, 80))[4] == (
        "2=  espeak:en-us+whisper  ████     0.500       –      –        –       –     0/1"
    )


def test_the_parts_of_the_score_have_weights_and_an_absent_part_is_a_dash(results: Results) -> None:
    assert drawn(components_table(results, 80)) == [
        "                                                             duration",
        "                                   generation   silence      accuracy",
        "Model                 ttfb ×0.3    time ×0.25   ×0.25        ×0.2",
        "────────────────────────────────────────────────────────────────────────",
        "espeak:en-us          ████▍ 0.875  ████▍ 0.875  ████▍ 0.875  –",
        "espeak:en-gb+klatt4   ███▊  0.750  ███▊  0.750  ███▊  0.750  –",
        "espeak:en-us+whisper  ██▌   0.500  ██▌   0.500  ██▌   0.500  –",
    ]


def test_no_word_of_a_part_is_cut_on_a_narrow_terminal(results: Results) -> None:
    weights = {"generation_time": 0.1, "ttfa": 0.15, "intelligibility": 0.4375}
    weights |= {"prosody": 0.0625, "signal_quality": 0.25}
    del results.composite.weights[:]
    for metric, weight in weights.items():
        results.composite.weights.add(metric=metric, weight=weight)
    results.rankings[0].components.add(metric="intelligibility", score=0.5)
    assert drawn(components_table(results, 80), 80) == [
        "                                                                   signal",
        "                      generation  ttfa   intelligibility  prosody  quality",
        "Model                 time ×0.1   ×0.15  ×0.4375          ×0.0625  ×0.25",
        "──────────────────────────────────────────────────────────────────────────",
        "espeak:en-us          0.875       –      0.500            –        –",
        "espeak:en-gb+klatt4   0.750       –      –                –        –",
        "espeak:en-us+whisper  0.500       –      –                –        –",
    ]


def test_a_pair_shows_wins_and_its_effect_with_the_interval(results: Results) -> None:
    assert drawn(head_to_head_table(results)) == [
        "Pair                          Won-lost-tied  Effect and 95%        p  Holm p",
        "────────────────────────────────────────────────────────────────────────────",
        "espeak:en-us                  5-0-1          +0.071            0.031   0.062",
        "against espeak:en-gb+klatt4                  +0.050 to +0.091",
        "espeak:en-us                  0-0-0          –                     –       –",
        "against espeak:en-us+whisper",
    ]


def test_a_winner_is_named_with_the_reasons_for_the_confidence_level(results: Results) -> None:
    assert verdict_sentences(results) == [
        "espeak:en-us wins, with medium confidence.",
        "Gap between the two best scores: high.",
        "Evidence against chance: medium (p = 0.031 against the hardest opponent).",
        "Only 6 prompts were compared; high confidence takes 8.",
        "With this many prompts, a difference of 0.042 in composite is detected 80% of the time.",
    ]


def test_an_inconclusive_verdict_names_no_winner(results: Results) -> None:
    results.ClearField("winner")
    results.ClearField("minimum_detectable_effect")
    results.confidence = results.evidence_level = results.gap_level = Results.inconclusive
    results.p_winner = 0.0004
    assert verdict_sentences(results) == [
        "There is not enough evidence to name a winner. espeak:en-us has the best score.",
        "Gap between the two best scores: too small.",
        "Evidence against chance: not enough evidence (p < 0.001 against the hardest opponent).",
        "Only 6 prompts were compared; high confidence takes 8.",
    ]


def test_without_a_ranking_only_the_verdict_is_drawn() -> None:
    results = Results(confidence=Results.inconclusive, reasons=["Fewer than two models completed a trial."])
    assert drawn(results_view(results, METRICS, 80)) == [
        "Verdict",
        "There is not enough evidence to rank these models.",
        "  Fewer than two models completed a trial.",
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_the_whole_view_fits_its_terminal(results: Results, width: int) -> None:
    lines = drawn(results_view(results, METRICS, width), width)
    assert max(map(len, lines)) <= width
    headings = ["Ranking", "Parts of the score", "Head to head", "Verdict"]
    assert [line.split("  ")[0] for line in lines if line.split("  ")[0] in headings] == headings


def test_tiny_p_values_are_not_written_as_zero() -> None:
    assert [p_value(None), p_value(0.0001), p_value(0.001), p_value(1.0)] == ["–", "<0.001", "0.001", "1.000"]


def test_the_summary_of_votes_has_everything_that_qualifies_them() -> None:
    results = Results()
    votes = results.votes
    votes.votes, votes.listeners, votes.both_bad = 32, 8, 2
    assert votes_summary(results) == '32 votes from 8 listeners, 2 of them "both are bad"'
    votes.supervised, votes.largest_address_share, votes.excluded = 16, 0.75, 5
    votes.exclusions.add(reason="one_side", votes=4, description="of listeners who answered one side")
    votes.exclusions.add(reason="new_reason", votes=1)
    assert votes_summary(results) == (
        '32 votes from 8 listeners, 2 of them "both are bad"; 16 from a supervised panel, whose listeners can share '
        "one address; 75% of these votes came from one address; 5 further votes left out: 4 of listeners who answered "
        "one side, 1 new_reason"
    )
