"""The pairs of trials that listeners compare."""

from datetime import UTC, datetime

from services.experiments.domain import Trial, TrialStatus
from services.experiments.running.pairs import comparable_pairs
from services.shared.listening.domain import CandidateAudio, Pair, PairKey
from services.shared.metrics import Measurements

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DONE, FAILED = TrialStatus.COMPLETED, TrialStatus.FAILED


def trial(prompt: int, model: int, repeat: int = 0, status: TrialStatus = DONE, **values: object) -> Trial:
    name = f"trl_{prompt}{model}{repeat}"
    return Trial(
        id=name,
        experiment_id="exp_a",
        prompt_index=prompt,
        model_index=model,
        repeat_index=repeat,
        prompt_text="Hello.",
        provider="espeak",
        voice_id="en",
        model_id="",
        speed=None,
        status=status,
        attempts=1,
        audio_name=f"{name}.wav" if status is DONE else None,
        created_at=NOON,
        **values,  # type: ignore[arg-type]
    )


def test_each_two_models_that_completed_a_prompt_make_a_pair() -> None:
    trials = [trial(0, 0), trial(0, 1), trial(0, 2), trial(1, 0), trial(1, 1, status=FAILED), trial(1, 2), trial(2, 2)]
    keys = [each.key for each in comparable_pairs(trials, -23)]
    assert keys == [PairKey(0, 0, 1), PairKey(0, 0, 2), PairKey(0, 1, 2), PairKey(1, 0, 2)]


def test_a_pair_has_all_completed_repeats() -> None:
    measured = Measurements(duration_seconds=1.5)
    trials = [trial(0, 1), trial(0, 0, 2), trial(0, 0, 0, measurements=measured), trial(0, 0, 1, status=FAILED)]
    (found,) = comparable_pairs(trials, -24.5)
    assert found == Pair(
        key=PairKey(0, 0, 1),
        text="Hello.",
        first=[CandidateAudio("trl_000.wav", 1.5), CandidateAudio("trl_002.wav", 0.0)],
        second=[CandidateAudio("trl_010.wav", 0.0)],
        target_lufs=-24.5,
    )


def test_trials_of_one_model_or_with_deleted_audio_make_no_pair() -> None:
    assert comparable_pairs([], -23) == []
    assert comparable_pairs([trial(0, 0), trial(1, 1)], -23) == []
    assert comparable_pairs([trial(0, 0), trial(0, 1, audio_deleted_at=NOON)], -23) == []
