"""The pairs of trials that listeners compare."""

from collections.abc import Iterable
from itertools import combinations

from services.experiments.domain import Trial, TrialStatus
from services.shared.listening.domain import CandidateAudio, Pair, PairKey


def comparable_pairs(trials: Iterable[Trial], target_lufs: float) -> list[Pair]:
    """Returns a pair, without votes, for each two models that both completed a prompt. Sorted by prompt and models.

    Only trials whose audio was not deleted count.
    """
    completed: dict[tuple[int, int], list[Trial]] = {}
    for trial in trials:
        if trial.status is TrialStatus.COMPLETED and trial.audio_name and trial.audio_deleted_at is None:
            completed.setdefault((trial.prompt_index, trial.model_index), []).append(trial)
    return [
        Pair(
            key=PairKey(prompt, first, second),
            text=completed[prompt, first][0].prompt_text,
            first=_by_repeat(completed[prompt, first]),
            second=_by_repeat(completed[prompt, second]),
            target_lufs=target_lufs,
        )
        for (prompt, first), (other, second) in combinations(sorted(completed), 2)
        if prompt == other
    ]


def _by_repeat(repeats: Iterable[Trial]) -> list[CandidateAudio]:
    return [
        CandidateAudio(trial.audio_name or "", trial.measurements.duration_seconds or 0.0)
        for trial in sorted(repeats, key=lambda trial: trial.repeat_index)
    ]
