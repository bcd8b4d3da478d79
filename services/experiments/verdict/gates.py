"""The gate before any score: a model whose speech is faulty clearly more often than that of another model can't win.

Faults are failures (repeated, skipped, cut-off or run-away speech) and hard words that are wrong. Two models are
compared within each prompt, so what a recogniser gets wrong for both cancels out. A prompt on which one model has more
failures or more wrong hard words than the other counts against it; a prompt on which each is worse in one of the two
counts for neither. The exact two-sided sign test over these prompts has the levels of all evidence (`levels`), and at
least low evidence rules a model out.

Another model wins against one that is ruled out by the same evidence, whatever the scores. Then there are two ways to
win, by faults and by score, so the p-value is doubled for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.experiments.verdict.evidence import sign_flip_p
from services.experiments.verdict.levels import Grade, grade_faults
from services.experiments.verdict.results import Level
from services.experiments.verdict.trials import ModelTrials, PromptMedians

FAILURES, HARD_WORDS = "speech_failures", "hard_word_accuracy"
EQUAL_SHARES = 1e-9
"""Shares of hard words closer than this differ by rounding only."""


@dataclass(frozen=True)
class RuledOut:
    """Why a model can't win."""

    grade: Grade
    """The evidence with which another model wins against it."""
    reason: str
    """A sentence."""


@dataclass(frozen=True)
class _Faults:
    """The prompts on which one model has more faults than another, and the other way round."""

    failures: int
    """The number of prompts with more failures."""
    hard_words: int
    """The number of prompts with more wrong hard words."""
    worse: int
    better: int


def ruled_out(trials: Sequence[ModelTrials]) -> dict[int, RuledOut]:
    """Returns the models that can't win, by position. The strongest evidence against a model is its reason."""
    found = {}
    for position, model in enumerate(trials):
        gates = [_gate(model, other) for other in trials if other is not model]
        against = [gate for gate in gates if gate is not None]
        if against:
            found[position] = max(against, key=lambda gate: gate.grade.level)
    return found


def _gate(model: ModelTrials, other: ModelTrials) -> RuledOut | None:
    # A trial without speech has faults, although the score can't be computed of it.
    faults = _compare(model.completed, other.completed)
    names, differing = (model.model.name, other.model.name), faults.worse + faults.better
    p_value = sign_flip_p([1.0] * faults.worse + [-1.0] * faults.better)
    if faults.worse <= faults.better or grade_faults(*names, p_value, differing).level is Level.inconclusive:
        return None
    kinds = []
    if faults.failures:
        kinds.append("more repeated, skipped, cut-off or run-away speech")
    if faults.hard_words:
        kinds.append("more wrong hard words (numbers, dates, names)")
    reason = (
        f"{names[0]} can't win, whatever its score: it has {' or '.join(kinds)} than {names[1]} on {faults.worse} "
        f"prompts, and less on {faults.better or 'none'}."
    )
    return RuledOut(grade_faults(*names, min(2 * p_value, 1.0), differing), reason)


def _compare(model: Mapping[int, PromptMedians], other: Mapping[int, PromptMedians]) -> _Faults:
    failures = hard_words = worse = better = 0
    for prompt in model.keys() & other.keys():
        more_failures = _more(model[prompt].get(FAILURES), other[prompt].get(FAILURES))
        more_wrong = _more(other[prompt].get(HARD_WORDS), model[prompt].get(HARD_WORDS))
        failures += more_failures > 0
        hard_words += more_wrong > 0
        worse += more_failures + more_wrong > 0
        better += more_failures + more_wrong < 0
    return _Faults(failures, hard_words, worse, better)


def _more(a: float | None, b: float | None) -> int:
    """Returns 1 if a is more than b, -1 if it is less, and 0 if they are equal or one is unknown."""
    if a is None or b is None or abs(a - b) <= EQUAL_SHARES:
        return 0
    return 1 if a > b else -1
