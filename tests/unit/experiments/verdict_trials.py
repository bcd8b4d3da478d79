"""Trials to reach verdicts from: a model spec in a line, made of numbers that can be worked with by hand."""

from collections.abc import Iterable, Sequence

from services.experiments.verdict import Model, Trial, Vote
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
    repeat: int = 0,
) -> Trial:
    """A completed trial; the default has the composite 0.27 + 0.225 + 0.2 + 0.2 = 0.895 if durations agree."""
    return Trial(
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
        ),
    )


def failed(model: int, prompt: int, repeat: int = 0) -> Trial:
    """A trial that ended without audio."""
    return Trial(model_index=model, prompt_index=prompt, completed=False, repeat_index=repeat)


def by_silence(*ratios: Sequence[float]) -> list[Trial]:
    """Trials that differ in nothing but silence, one row per model and one ratio per prompt.

    A prompt's composite is then 0.27 + 0.225 + 0.25 * (1 - ratio) + 0.2 = 0.945 - ratio / 4.
    """
    return [trial(model, prompt, silence=ratio) for model, row in enumerate(ratios) for prompt, ratio in enumerate(row)]


def latencies(*rows: Iterable[float]) -> list[Trial]:
    """Trials that differ in nothing but generation time, one row per model and one value in ms per prompt."""
    return [
        trial(model, prompt, ttfb=100.0, generation=value)
        for model, row in enumerate(rows)
        for prompt, value in enumerate(row)
    ]


def votes(first: int, second: int, *listeners: str) -> list[Vote]:
    """Votes on two models, a word for each listener: a letter for each prompt, `a`, `b`, `=` for a tie, `x` for both
    bad, and a dot where they gave no vote."""
    answers = {"a": Preference.FIRST, "b": Preference.SECOND, "=": Preference.TIE, "x": Preference.BOTH_BAD}
    return [
        Vote(f"listener {number}", prompt, first, second, answers[letter])
        for number, word in enumerate(listeners)
        for prompt, letter in enumerate(word)
        if letter != "."
    ]
