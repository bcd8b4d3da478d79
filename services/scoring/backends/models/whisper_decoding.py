"""How Whisper's tokens become segments, and how windows are decoded again at a higher temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def decode(model: Any, features: Any, language: str | None, *, half: bool) -> list[Any]:
    """Decodes encoded windows of one language in a batch, and those whose text is no good again with more chance."""
    import torch
    from whisper.decoding import DecodingOptions

    results = list(model.decode(features, DecodingOptions(language=language, fp16=half)))
    again = [row for row, result in enumerate(results) if is_bad(result)]
    for temperature in TEMPERATURES:
        if not again:
            break
        options = DecodingOptions(language=language, fp16=half, temperature=temperature)
        chosen = torch.stack([features[row] for row in again])
        for row, result in zip(again, _sample(model, chosen, options), strict=True):
            results[row] = result
        again = [row for row in again if is_bad(results[row])]
    return results


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


def _sample(model: Any, features: Any, options: Any) -> list[Any]:
    """Decodes at a temperature above 0. Each row has its own random numbers, so that a batch gives what one gives."""
    import torch
    from whisper.decoding import DecodingTask, GreedyDecoder

    generators = [torch.Generator(features.device).manual_seed(0) for _ in range(len(features))]

    class SeededDecoder(GreedyDecoder):  # type: ignore[misc]
        """Draws the next token of each row with the row's own generator."""

        def update(self, tokens: Any, logits: Any, sum_logprobs: Any) -> tuple[Any, bool]:
            """Returns the tokens with the next ones, and whether all rows have ended."""
            chances = (logits.float() / self.temperature).softmax(dim=-1)
            drawn = [torch.multinomial(row, 1, generator=one) for row, one in zip(chances, generators, strict=True)]
            ended = tokens[:, -1] == self.eot
            following = torch.cat(drawn).masked_fill(ended, self.eot)
            gained = logits.float().log_softmax(dim=-1).gather(1, following[:, None]).squeeze(1)
            sum_logprobs += gained.masked_fill(ended, 0.0)
            return torch.cat([tokens, following[:, None]], dim=-1), bool((following == self.eot).all())

    task = DecodingTask(model, options)
    task.decoder = SeededDecoder(options.temperature, task.tokenizer.eot)
    results: list[Any] = task.run(features)
    return results
