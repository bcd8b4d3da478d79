"""Whisper's decoder for a batch of windows, over a cache of fixed size.

openai-whisper copies the cache at every token, and applies its rules to one row after the other. Here a step changes
tensors of fixed size, which never leave the device. On a GPU the step is captured as a CUDA graph and replayed, so that
the processor does not launch each of its operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from services.scoring.backends.models.whisper_rules import Choices, Rules

log = structlog.get_logger()

GRAPH_ROWS = (1, 2, 4, 8, 16, 24, 32, 48, 64)
"""A graph has a fixed number of rows. A batch uses the next larger one, whose other rows have ended from the start."""
STEPS_PER_CHECK = 8
"""Whether all rows have ended is asked this often on a GPU, because it waits for the answer."""
WARM_UP_STEPS = 2
"""Libraries prepare themselves in the first steps, which must not be part of a graph."""
PLACES_MULTIPLE = 8
"""The kernels of attention want masks whose length is a multiple of this."""


class BatchDecoder:
    """Decodes windows like openai-whisper's `decode`. It serves one thread at a time.

    `graphs` says whether steps become CUDA graphs. Their memory is kept between calls.
    """

    def __init__(self, model: Any, *, graphs: bool) -> None:
        self._model = model
        self._rules = Rules.of(model)
        self._with_graphs = graphs
        self._rows: _Rows | None = None
        self._graphs: dict[int, Callable[[], Any] | None] = {}
        self._stream: Any = None

    def decode(self, features: Any, languages: Sequence[str], temperature: float = 0.0) -> list[Any]:
        """Returns openai-whisper's DecodingResult of each encoded window. Each one has a language.

        Above temperature 0, each window is decoded with the same random numbers, so that a batch gives what one gives.
        """
        import torch

        with torch.no_grad():
            rows, step = self._prepared(features)
            rows.restart(len(features), temperature)
            silence = self._begin(rows, features, languages)
            self._finish(rows, step)
        first = self._rules.prompt_tokens
        written = rows.choices.written[: len(features), first : first + self._rules.max_tokens].tolist()
        sums = rows.choices.log_probability[: len(features)].tolist()
        if any(map(math.isnan, sums)):
            raise ArithmeticError("Whisper's probabilities are not numbers.")
        return [
            self._result(*values, temperature)
            for values in zip(features, languages, written, sums, silence.tolist(), strict=True)
        ]

    def release(self) -> None:
        """Gives back the memory that is kept between calls."""
        self._graphs.clear()
        self._rows = None

    def _prepared(self, features: Any) -> tuple[_Rows, Callable[[], Any]]:
        """Returns memory for windows, and what adds a token to each of its rows."""
        if not self._with_graphs:
            own = _Rows.empty(self._rules, features, len(features))
            return own, lambda: self._step(own)
        size = next((one for one in GRAPH_ROWS if one >= len(features)), len(features))
        if self._rows is None or self._rows.count < size:
            self.release()
            self._rows = _Rows.empty(self._rules, features, size)
        rows = self._rows.first(size)
        if size not in self._graphs:
            self._graphs[size] = self._captured(rows)
        return rows, self._graphs[size] or (lambda: self._step(rows))

    def _captured(self, rows: _Rows) -> Callable[[], Any] | None:
        """Returns what replays a step. Returns None if it can't be captured, and then steps run without a graph."""
        import torch

        device = self._model.device

        def replay() -> None:
            with torch.cuda.device(device):
                graph.replay()

        try:
            with torch.cuda.device(device):
                # Libraries keep memory for each stream, so that all graphs are captured on the same one.
                self._stream = stream = self._stream or torch.cuda.Stream()
                graph = torch.cuda.CUDAGraph()
                stream.wait_stream(torch.cuda.current_stream())
                with torch.cuda.stream(stream):
                    rows.restart(0)
                    for _ in range(WARM_UP_STEPS):
                        self._step(rows)
                torch.cuda.current_stream().wait_stream(stream)
                # Other threads may use the GPU meanwhile, because they load models.
                with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                    self._step(rows)
        except Exception:
            # Drivers, libraries and memory have errors of their own, and the text is the same without a graph.
            log.warning("Whisper decodes without a CUDA graph", rows=rows.count, exc_info=True)
            return None
        return replay

    def _begin(self, rows: _Rows, features: Any, languages: Sequence[str]) -> Any:
        """Decodes the prompts and the first token. Returns how probable it is that each window is silent."""
        import torch

        rules, used = self._rules, len(features)
        for layer, block in enumerate(self._model.decoder.blocks):
            rows.heard_keys[layer][:used] = self._by_head(block.cross_attn.key(features))
            rows.heard_values[layer][:used] = self._by_head(block.cross_attn.value(features))
        prompts = rules.prompts(languages)
        tokens = torch.tensor([*prompts, *prompts[:1] * (rows.count - used)], device=features.device)
        states = self._states(rows, tokens, torch.arange(rules.prompt_tokens, device=features.device))
        silence = self._logits(states[:used, rules.sot_index]).softmax(dim=-1)[:, rules.tokenizer.no_speech]
        rows.choices.choose_first(self._logits(states[:, -1]))
        return silence

    def _finish(self, rows: _Rows, step: Callable[[], Any]) -> None:
        """Decodes until all rows have ended, or to the limit of tokens."""
        steps_per_check = STEPS_PER_CHECK if self._with_graphs else 1
        for count in range(1, self._rules.max_tokens):
            if count % steps_per_check == 0 and bool(rows.choices.ended.all()):
                return
            rows.choices.draw()
            step()

    def _result(
        self, sound: Any, language: str, written: list[int], log_probability: float, silence: float, temperature: float
    ) -> Any:
        from whisper.decoding import DecodingResult
        from whisper.utils import compression_ratio

        tokens = written[: written.index(self._rules.eot)] if self._rules.eot in written else written
        text = self._rules.tokenizer.decode(tokens).strip()
        return DecodingResult(
            audio_features=sound,
            language=language,
            tokens=tokens,
            text=text,
            avg_logprob=log_probability / (len(tokens) + 1),
            no_speech_prob=silence,
            temperature=temperature,
            compression_ratio=compression_ratio(text),
        )

    def _step(self, rows: _Rows) -> None:
        """Adds a token to each row."""
        choices = rows.choices
        choices.choose(self._logits(self._states(rows, choices.token, choices.position)[:, 0]))

    def _states(self, rows: _Rows, tokens: Any, positions: Any) -> Any:
        """Returns the decoder's states at new tokens, shape (rows, tokens, width), and keeps their keys and values."""
        decoder = self._model.decoder
        states = decoder.token_embedding(tokens) + decoder.positional_embedding[positions]
        states = states.to(rows.keys[0].dtype)
        seen = (rows.places <= positions[:, None])[None, None]
        for layer, block in enumerate(decoder.blocks):
            keys, values, normal = rows.keys[layer], rows.values[layer], block.attn_ln(states)
            keys.index_copy_(2, positions, self._by_head(block.attn.key(normal)))
            values.index_copy_(2, positions, self._by_head(block.attn.value(normal)))
            states = states + self._attended(block.attn, normal, keys, values, seen)
            keys, values, normal = rows.heard_keys[layer], rows.heard_values[layer], block.cross_attn_ln(states)
            states = states + self._attended(block.cross_attn, normal, keys, values, None)
            states = states + block.mlp(block.mlp_ln(states))
        return decoder.ln(states)

    def _attended(self, attention: Any, states: Any, keys: Any, values: Any, seen: Any) -> Any:
        from torch.nn.functional import scaled_dot_product_attention

        queries = self._by_head(attention.query(states))
        return attention.out(scaled_dot_product_attention(queries, keys, values, seen).transpose(1, 2).flatten(2))

    def _by_head(self, states: Any) -> Any:
        """Changes the shape (rows, tokens, width) to (rows, heads, tokens, width of a head)."""
        return states.unflatten(2, (self._model.dims.n_text_head, -1)).transpose(1, 2)

    def _logits(self, states: Any) -> Any:
        return (states @ self._model.decoder.token_embedding.weight.to(states.dtype).T).float()


@dataclass(frozen=True, slots=True)
class _Rows:
    """The memory of a batch. All of it stays where it is between steps."""

    choices: Choices
    keys: list[Any]
    """Of each layer, for tokens, shape (rows, heads, places, width of a head)."""
    values: list[Any]
    heard_keys: list[Any]
    """Of each layer, for sound."""
    heard_values: list[Any]
    places: Any

    @classmethod
    def empty(cls, rules: Rules, features: Any, rows: int) -> _Rows:
        """Returns memory for windows like `features`."""
        import torch

        dims = rules.model.dims
        places = -(-(rules.prompt_tokens + rules.max_tokens) // PLACES_MULTIPLE) * PLACES_MULTIPLE

        def kept(length: int) -> list[Any]:
            shape = (rows, dims.n_text_head, length, dims.n_text_state // dims.n_text_head)
            return [features.new_zeros(shape) for _ in range(dims.n_text_layer)]

        heard = features.shape[1]
        numbers = torch.arange(places, device=features.device)
        return cls(Choices.empty(rules, rows, places), kept(places), kept(places), kept(heard), kept(heard), numbers)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.choices.token)

    def first(self, rows: int) -> _Rows:
        """Returns the first rows, in the same memory."""
        layers = ("keys", "values", "heard_keys", "heard_values")
        return replace(
            self,
            choices=self.choices.first(rows),
            **{name: [layer[:rows] for layer in getattr(self, name)] for name in layers},
        )

    def restart(self, used: int, temperature: float = 0.0) -> None:
        """Prepares for other windows. Rows from `used` on have ended."""
        self.choices.restart(used, temperature)
        for kept in (*self.keys, *self.values):
            # Places after the last token have no weight, but what is not a number there would spread nevertheless.
            kept.zero_()
