"""Makes trials and votes for verdicts, with numbers that are easy to work with by hand."""

from collections.abc import Iterable, Sequence

from services.experiments.verdict import Model, TrialOutcome, Vote
from services.shared.listening.domain import Preference
from services.shared.metrics import Measurements

A, B, C, D = (Model("espeak", voice) for voice in ("a", "b", "c", "d"))


def trial(
    model: int,
    prompt: int,
    *,
    ttfb: float = 200.0,
    generation: float = 500.0,
    silence: float = 0.2,
    duration: float = 2.0,
    ttfa: float | None = None,
    mos: float | None = None,
    wer: float | None = None,
    prosody: float | None = None,
    signal: float | None = None,
    hard: float | None = None,
    failures: int | None = None,
    repeat: int = 0,
) -> TrialOutcome:
    """Returns a completed trial. The default has the composite 0.27 + 0.225 + 0.2 + 0.2 = 0.895 if durations agree."""
    return TrialOutcome(
        model_index=model,
        prompt_index=prompt,
        repeat_index=repeat,
        completed=True,
        measurements=Measurements(
            duration_seconds=duration,
            ttfb_ms=ttfb,
            generation_time_ms=generation,
            silence_ratio=silence,
            ttfa_ms=ttfa,
            naturalness_mos=mos,
            word_error_rate=wer,
            prosody_score=prosody,
            signal_quality_mos=signal,
            hard_word_accuracy=hard,
            speech_failures=failures,
        ),
    )


def failed(model: int, prompt: int, repeat: int = 0) -> TrialOutcome:
    """Returns a trial that ended without audio."""
    return TrialOutcome(model_index=model, prompt_index=prompt, completed=False, repeat_index=repeat)


def by_silence(*ratios: Sequence[float]) -> list[TrialOutcome]:
    """Returns trials that differ only in silence: one row per model, one ratio per prompt.

    A prompt's composite is 0.27 + 0.225 + 0.25 * (1 - ratio) + 0.2 = 0.945 - ratio / 4.
    """
    return [trial(model, prompt, silence=ratio) for model, row in enumerate(ratios) for prompt, ratio in enumerate(row)]


def latencies(*rows: Iterable[float]) -> list[TrialOutcome]:
    """Returns trials that differ only in generation time: one row per model, one value in ms per prompt."""
    return [
        trial(model, prompt, ttfb=100.0, generation=value)
        for model, row in enumerate(rows)
        for prompt, value in enumerate(row)
    ]


def votes(first: int, second: int, *listeners: str) -> list[Vote]:
    """Returns votes on two models. Each listener is a word with one letter per prompt.

    `a` and `b` are votes for the first and second model, `=` is a tie, `x` is both bad, and `.` is no vote.
    """
    answers = {"a": Preference.FIRST, "b": Preference.SECOND, "=": Preference.TIE, "x": Preference.BOTH_BAD}
    return [
        Vote(f"listener {number}", prompt, first, second, answers[letter])
        for number, word in enumerate(listeners)
        for prompt, letter in enumerate(word)
        if letter != "."
    ]
