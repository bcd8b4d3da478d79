"""How Whisper's tokens become segments, and how windows are decoded again at a higher temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.scoring.backends.models.whisper_steps import BatchDecoder

FRAME_SECONDS = 0.01
WINDOW_FRAMES = 3000
FRAMES_PER_TIME_STEP = 2
"""Whisper gives times in steps of 20 ms."""
TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Tried in this order when the most probable words are no good."""
MAX_COMPRESSION_RATIO = 2.4
"""A text that compresses better repeats itself."""
MIN_LOG_PROBABILITY = -1.0
"""The least mean over the tokens of a text."""
MAX_SILENCE_PROBABILITY = 0.6
"""A window that is more probably silent, and whose text is improbable, has no words."""


def decode(decoder: BatchDecoder, features: Any, languages: Sequence[str]) -> list[Any]:
    """Decodes encoded windows in a batch, and those whose text is no good again with more chance."""
    results = decoder.decode(features, languages)
    again = [row for row, result in enumerate(results) if is_bad(result)]
    for temperature in TEMPERATURES:
        if not again:
            break
        repeated = decoder.decode(features[again], [languages[row] for row in again], temperature)
        for row, result in zip(again, repeated, strict=True):
            results[row] = result
        again = [row for row in again if is_bad(results[row])]
    return results


def recognise_languages(model: Any, features: Any) -> list[str]:
    """Returns the most probable language of each encoded window, as `detect_language` of openai-whisper finds it."""
    import torch
    from whisper.tokenizer import get_tokenizer

    if not model.is_multilingual:
        return ["en"] * len(features)
    tokenizer = get_tokenizer(multilingual=True, num_languages=model.num_languages)
    start = torch.full((len(features), 1), tokenizer.sot, device=features.device)
    logits = model.logits(start, features)[:, 0, list(tokenizer.all_language_tokens)]
    return [tokenizer.all_language_codes[best] for best in logits.argmax(dim=-1).tolist()]


def is_bad(result: Any) -> bool:
    """Says whether a text repeats itself or is improbable. The text of probable silence is not asked for again."""
    if is_silence(result):
        return False
    return bool(result.avg_logprob < MIN_LOG_PROBABILITY or result.compression_ratio > MAX_COMPRESSION_RATIO)


def is_silence(result: Any) -> bool:
    """Says whether a window is probably silent and its text invented."""
    return bool(result.no_speech_prob > MAX_SILENCE_PROBABILITY and result.avg_logprob <= MIN_LOG_PROBABILITY)


def segments(tokens: Sequence[int], first_time: int, frames: int) -> tuple[list[tuple[float, float, list[int]]], int]:
    """Returns start, end and tokens of each segment, in seconds, and how many frames they take.

    Tokens from `first_time` on are times. Two in a row separate segments. Without a single time at the very end, the
    rest is not finished and must be decoded again from the last time on.
    """
    step_seconds = FRAMES_PER_TIME_STEP * FRAME_SECONDS
    is_time = [token >= first_time for token in tokens]
    cuts = [index for index in range(1, len(tokens)) if is_time[index - 1] and is_time[index]]
    ends_once = is_time[-2:] == [False, True]
    if not cuts:
        last = max((token - first_time for token in tokens if token >= first_time), default=0)
        return [(0.0, last * step_seconds if last else frames * FRAME_SECONDS, list(tokens))], frames
    if ends_once:
        cuts.append(len(tokens))
    found, start = [], 0
    for cut in cuts:
        part = list(tokens[start:cut])
        found.append(((part[0] - first_time) * step_seconds, (part[-1] - first_time) * step_seconds, part))
        start = cut
    used = 0 if ends_once else (tokens[start - 1] - first_time) * FRAMES_PER_TIME_STEP
    return found, used or frames


def halve(model: Any) -> None:
    """Puts weights into half precision once, which openai-whisper would do at every use. LayerNorm stays in single."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv1d | torch.nn.Embedding):
            module.half()
