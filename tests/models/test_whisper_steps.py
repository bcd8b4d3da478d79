"""Whisper's decoding over a cache of fixed size, compared with openai-whisper's own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import whisper
from whisper.decoding import DecodingOptions, DecodingTask, GreedyDecoder
from whisper.model import ModelDimensions, Whisper

from services.scoring.backends.backend import RATE_HZ, BackendSettings, Samples
from services.scoring.backends.models.whisper_decoding import halve
from services.scoring.backends.models.whisper_rules import Choices, Rules
from services.scoring.backends.models.whisper_steps import BatchDecoder

LANGUAGES = ["en", "de", "en", "fr", "ja"]


@pytest.fixture
def short_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows have at most 40 tokens, because random weights seldom write an end."""
    monkeypatch.setattr(whisper.decoding, "DecodingOptions", partial(DecodingOptions, sample_len=40))


@pytest.fixture(scope="module")
def tiny_en(settings: BackendSettings) -> Whisper:
    assert settings.model_dir is not None
    return whisper.load_model(str(settings.model_dir / "whisper" / "tiny.en.pt"), device="cpu").eval()


@pytest.fixture(scope="module")
def windows(tiny_en: Whisper, clips: list[Samples], call: Samples) -> torch.Tensor:
    """Speech of different lengths, silence, noise, and speech in noise, encoded."""
    noise = np.random.default_rng(0).standard_normal(len(call)).astype(np.float32) * 0.1
    heard = [*clips, call, call + noise, noise[: 5 * RATE_HZ], np.zeros(5 * RATE_HZ, np.float32)]
    mels = [whisper.pad_or_trim(whisper.log_mel_spectrogram(one, padding=30 * RATE_HZ), 3000) for one in heard]
    with torch.no_grad():
        features: torch.Tensor = tiny_en.encoder(torch.stack(mels))
    return features


def small(vocabulary: int, seed: int = 0) -> Whisper:
    """Returns random weights with which texts have words, many times, and an end."""
    torch.manual_seed(seed)
    model = Whisper(ModelDimensions(80, 1500, 64, 2, 1, vocabulary, 448, 64, 2, 2)).eval()
    tokenizer = whisper.tokenizer.get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
    with torch.no_grad():
        model.decoder.positional_embedding.normal_(std=0.3)
        model.decoder.token_embedding.weight.mul_(0.27)
        model.decoder.token_embedding.weight[tokenizer.eot].mul_(4)
    return model


def theirs(model: Whisper, features: torch.Tensor, languages: Sequence[str]) -> list[Any]:
    """Returns what openai-whisper decodes, for each language in a batch."""
    results: list[Any] = [None] * len(languages)
    for language in set(languages):
        rows = [row for row, one in enumerate(languages) if one == language]
        options = whisper.decoding.DecodingOptions(language=language, fp16=features.dtype == torch.float16)
        for row, result in zip(rows, model.decode(features[rows], options), strict=True):
            results[row] = result
    return results


def assert_same(found: Sequence[Any], expected: Sequence[Any], tolerance: float = 1e-3) -> None:
    for ours, original in zip(found, expected, strict=True):
        assert ours.tokens == original.tokens
        assert (ours.text, ours.language, ours.temperature) == (original.text, original.language, original.temperature)
        assert ours.compression_ratio == original.compression_ratio
        assert ours.avg_logprob == pytest.approx(original.avg_logprob, abs=tolerance)
        assert ours.no_speech_prob == pytest.approx(original.no_speech_prob, abs=tolerance)
        assert torch.equal(ours.audio_features, original.audio_features)


def test_real_weights_give_the_tokens_and_probabilities_of_openai_whisper(
    tiny_en: Whisper, windows: torch.Tensor
) -> None:
    languages = ["en"] * len(windows)
    expected = theirs(tiny_en, windows, languages)
    assert len({len(one.tokens) for one in expected}) > 5
    assert_same(BatchDecoder(tiny_en, graphs=False).decode(windows, languages), expected)


@pytest.mark.usefixtures("short_texts")
@pytest.mark.parametrize("vocabulary", [51864, 51865, 51866])
@pytest.mark.parametrize("seed", range(4))
def test_windows_of_different_languages_share_a_batch(vocabulary: int, seed: int) -> None:
    model = small(vocabulary, seed)
    languages = LANGUAGES if model.is_multilingual else ["en"] * len(LANGUAGES)
    features = torch.randn(len(languages), 1500, 64)
    expected = theirs(model, features, languages)
    assert_same(BatchDecoder(model, graphs=False).decode(features, languages), expected)


@pytest.mark.usefixtures("short_texts")
@pytest.mark.parametrize("seed", range(3))
def test_half_precision_gives_the_same_tokens(seed: int) -> None:
    model = small(51865, seed)
    halve(model)
    features = torch.randn(3, 1500, 64).half()
    expected = theirs(model, features, LANGUAGES[:3])
    assert_same(BatchDecoder(model, graphs=False).decode(features, LANGUAGES[:3]), expected, tolerance=1e-2)


def test_texts_end_at_the_limit_of_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper.decoding, "DecodingOptions", partial(DecodingOptions, sample_len=7))
    model, features = small(51865), torch.randn(3, 1500, 64)
    found = BatchDecoder(model, graphs=False).decode(features, LANGUAGES[:3])
    assert max(len(one.tokens) for one in found) == 7
    assert_same(found, theirs(model, features, LANGUAGES[:3]))


@pytest.mark.parametrize("vocabulary", [51864, 51865])
def test_the_rules_for_any_probabilities_are_those_of_openai_whisper(vocabulary: int) -> None:
    """Random logits, in which words, times and the end are about equally probable."""
    model, count, steps = small(vocabulary), 24, 60
    task = DecodingTask(model, DecodingOptions(language="en", fp16=False))
    rules = Rules.of(model)
    choices = Choices.empty(rules, count, rules.prompt_tokens + steps)
    choices.restart(count)
    tokens = torch.tensor([task.initial_tokens]).repeat(count, 1)
    sums = torch.zeros(count)
    for step in range(steps):
        logits = torch.randn(count, vocabulary) * 2.4
        logits[:, rules.eot] += 5.0
        # Now and then a time is by far the best, also one that is not allowed.
        often = torch.randint(rules.first_time, vocabulary, (count,))
        logits[torch.arange(count), often] += torch.randint(15, (count,))
        (choices.choose if step else choices.choose_first)(logits.clone())
        for rule in task.logit_filters:
            rule.apply(logits, tokens)
        tokens, _ = task.decoder.update(tokens, logits, sums)
        width = tokens.shape[1]
        assert torch.equal(choices.written[:, rules.prompt_tokens : width], tokens[:, rules.prompt_tokens :])
    assert torch.allclose(choices.log_probability, sums, atol=1e-3)
    assert ((tokens >= rules.first_time).sum(dim=1) > 3).any()
    assert choices.ended.any()
    assert not choices.ended.all()


@pytest.mark.usefixtures("short_texts")
def test_a_batch_is_decoded_without_a_graph_where_none_can_be_captured() -> None:
    """Rows are left over, memory is kept from batch to batch, and what is not a number stays in its window."""
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    model, features = small(51865), torch.randn(5, 1500, 64)
    expected = theirs(model, features, LANGUAGES)
    decoder = BatchDecoder(model, graphs=True)
    for count in (2, 5, 3, 1):
        assert_same(decoder.decode(features[:count], LANGUAGES[:count]), expected[:count])
        with pytest.raises(ArithmeticError, match=r"^Whisper's probabilities are not numbers\.$"):
            decoder.decode(torch.full((count, 1500, 64), torch.nan), ["en"] * count)


class OneByOne(GreedyDecoder):  # type: ignore[misc]
    """Draws the next token of each row with the row's own generator, in the way of openai-whisper."""

    def __init__(self, temperature: float, eot: int, rows: int) -> None:
        super().__init__(temperature, eot)
        self.generators = [torch.Generator().manual_seed(0) for _ in range(rows)]

    def update(self, tokens: Any, logits: Any, sum_logprobs: Any) -> tuple[Any, bool]:
        """Returns the tokens with the next ones, and whether all rows have ended."""
        chances = (logits / self.temperature).softmax(dim=-1)
        drawn = [torch.multinomial(row, 1, generator=one) for row, one in zip(chances, self.generators, strict=True)]
        ended = tokens[:, -1] == self.eot
        following = torch.cat(drawn).masked_fill(ended, self.eot)
        gained = logits.log_softmax(dim=-1).gather(1, following[:, None]).squeeze(1)
        sum_logprobs += gained.masked_fill(ended, 0.0)
        return torch.cat([tokens, following[:, None]], dim=-1), bool((following == self.eot).all())


@pytest.mark.parametrize("temperature", [0.2, 0.6, 1.0])
def test_tokens_are_drawn_as_often_as_they_are_probable(
    tiny_en: Whisper, windows: torch.Tensor, temperature: float
) -> None:
    options = DecodingOptions(language="en", fp16=False, temperature=temperature)
    task = DecodingTask(tiny_en, options)
    task.decoder = OneByOne(temperature, task.tokenizer.eot, 4)
    found = BatchDecoder(tiny_en, graphs=False).decode(windows[:4], ["en"] * 4, temperature)
    assert_same(found, task.run(windows[:4]))


@pytest.mark.usefixtures("short_texts")
@pytest.mark.parametrize("count", [1, 3, 5])
@pytest.mark.parametrize("half", [False, True])
def test_a_graph_gives_what_steps_without_one_give(count: int, half: bool) -> None:
    if not torch.cuda.is_available():
        pytest.skip("this machine has no GPU")
    model = small(51865).cuda()
    features = torch.randn(9, 1500, 64, device="cuda")
    if half:
        halve(model)
        features = features.half()
    tolerance = 1e-2 if half else 1e-3
    decoder = BatchDecoder(model, graphs=True)
    decoder.decode(features, ["en"] * 9)
    for temperature in (0.0, 0.6, 0.0):
        found = decoder.decode(features[:count], LANGUAGES[:count], temperature)
        eager = BatchDecoder(model, graphs=False).decode(features[:count], LANGUAGES[:count], temperature)
        assert_same(found, eager, tolerance)
        if not temperature:
            assert_same(found, theirs(model, features[:count], LANGUAGES[:count]), tolerance)
    assert len(decoder._graphs) == 2
    assert None not in decoder._graphs.values()
