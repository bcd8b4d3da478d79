"""Equal prompts, as in experiments that were created before equal prompts were refused."""

from dataclasses import replace

import pytest

from services.experiments.verdict import CompositeProfile, Level, decide, digest
from services.shared.metrics import METRICS, VERDICT_METRICS
from tests.unit.experiments.verdict_trials import A, B, by_silence, failed, trial


def test_prompts_with_the_same_text_are_one_unit_of_evidence() -> None:
    trials = by_silence([0.0] * 8, [0.8] * 8)
    assert decide([A, B], 8, trials).p_winner == 2 / 2**8
    repeated = decide([A, B], 8, trials, same_as=[0] * 8)
    assert (repeated.p_winner, repeated.confidence, repeated.winner) == (1.0, Level.inconclusive, None)
    assert repeated.head_to_head[0].pairs == 1
    assert repeated.reasons[-1] == "Prompts with the same text count once, so the 8 prompts count as 1."
    halves = decide([A, B], 8, trials, same_as=[0, 1, 2, 3, 0, 1, 2, 3])
    assert (halves.p_winner, halves.evidence_level) == (2 / 2**4, Level.low)


def test_trials_of_equal_prompts_are_reduced_to_their_median() -> None:
    trials = by_silence([0.0, 0.4, 0.2], [0.8, 0.8, 0.8])
    verdict = decide([A, B], 3, trials, same_as=[0, 0, 0])
    assert verdict.rankings[0].summaries["silence_ratio"] == pytest.approx(0.2)
    assert verdict.rankings[0].trials_completed == 3


QUALITY_1 = CompositeProfile(
    "quality",
    1,
    {"naturalness": 0.40, "intelligibility": 0.30, "prosody": 0.10, "ttfa": 0.12, "generation_time": 0.08},
)
"""The profile of earlier releases."""


def test_the_digest_of_the_same_inputs_does_not_change_between_releases() -> None:
    trials = [
        trial(0, 0, ttfa=200, mos=4.2, wer=0.05, prosody=0.7),
        trial(1, 0, ttfa=300, mos=3.2),
        trial(0, 1),
        failed(1, 1),
    ]
    assert decide([A, B], 2, trials, composite=QUALITY_1).inputs_digest == (
        "sha256:029cab65abe221751527649101e2d6a1a1c22926abef198d1b0d0bf4f2bb91ef"
    )
    assert decide([A, B], 2, trials).inputs_digest == (
        "sha256:59cc8de851342480dead84d12cc45dab9c66e2d37d6ca11d6e71f4896a578f26"
    )


def test_a_newer_metric_changes_the_digest_only_if_it_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = by_silence([0.0] * 4, [0.8] * 4)
    before = decide([A, B], 4, trials).inputs_digest
    loudness = next(metric for metric in METRICS if metric.name == "loudness_lufs")
    monkeypatch.setattr(digest, "VERDICT_METRICS", (*VERDICT_METRICS, loudness))
    assert decide([A, B], 4, trials).inputs_digest == before
    trials[0] = replace(trials[0], measurements=replace(trials[0].measurements, loudness_lufs=-20.0))
    assert decide([A, B], 4, trials).inputs_digest != before


def test_the_digest_does_not_change_if_all_prompts_differ() -> None:
    trials = by_silence([0.0] * 4, [0.8] * 4)
    plain = decide([A, B], 4, trials)
    assert decide([A, B], 4, trials, same_as=[0, 1, 2, 3]).inputs_digest == plain.inputs_digest
    assert decide([A, B], 4, trials, same_as=[0, 1, 1, 3]).inputs_digest != plain.inputs_digest
