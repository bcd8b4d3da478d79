"""Which token Whisper writes next, by the rules of openai-whisper, for all rows of a batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

MIN_EXPONENTIAL = 1e-30
"""The logarithm of a random number must be finite."""
PER_ROW = ("token", "written", "log_probability", "ended", "last_is_time", "earlier_is_time", "last_time")


@dataclass(frozen=True, slots=True)
class Rules:
    """What openai-whisper's options allow. They are its defaults."""

    model: Any
    tokenizer: Any
    eot: int
    """The token at the end of a text. Tokens before it are words."""
    first_time: int
    """Tokens from here on are times."""
    times: Any
    """The numbers of all times, counted from `first_time`."""
    forbidden: Any
    """Says of each token whether it may never be chosen."""
    forbidden_first: Any
    """Says of each token whether it may not be the first one. Only times near 0 may."""
    sot_index: int
    """The place in a prompt after which the probability of silence is known."""
    prompt_tokens: int
    max_tokens: int

    @classmethod
    def of(cls, model: Any) -> Rules:
        """Returns the rules for a model, taken from the filters that openai-whisper makes for it."""
        import torch
        from whisper.decoding import ApplyTimestampRules, DecodingOptions, DecodingTask, SuppressBlank, SuppressTokens

        task = DecodingTask(model, DecodingOptions(language="en"))
        tokenizer = task.tokenizer
        forbidden = torch.zeros(model.dims.n_vocab, dtype=torch.bool)
        first = torch.zeros_like(forbidden)
        for rule in task.logit_filters:
            if isinstance(rule, SuppressTokens):
                forbidden[rule.suppress_tokens] = True
            elif isinstance(rule, SuppressBlank):
                first[[*tokenizer.encode(" "), tokenizer.eot]] = True
            elif isinstance(rule, ApplyTimestampRules):
                forbidden[tokenizer.no_timestamps] = True
                first[: tokenizer.timestamp_begin] = True
                if rule.max_initial_timestamp_index is not None:
                    first[tokenizer.timestamp_begin + rule.max_initial_timestamp_index + 1 :] = True
        return cls(
            model=model,
            tokenizer=tokenizer,
            eot=tokenizer.eot,
            first_time=tokenizer.timestamp_begin,
            times=torch.arange(model.dims.n_vocab - tokenizer.timestamp_begin, device=model.device),
            forbidden=forbidden.to(model.device),
            forbidden_first=(forbidden | first).to(model.device),
            sot_index=task.sot_index,
            prompt_tokens=task.sample_begin,
            max_tokens=min(task.sample_len, task.n_ctx - task.sample_begin + 1),
        )

    def prompts(self, languages: Sequence[str]) -> list[list[int]]:
        """Returns the tokens before a text in each language."""
        from whisper.tokenizer import get_tokenizer

        many, count = self.model.is_multilingual, self.model.num_languages
        return [
            list(get_tokenizer(many, num_languages=count, language=one, task="transcribe").sot_sequence)
            for one in languages
        ]


@dataclass(slots=True)
class Choices:
    """What was chosen so far. All of it stays where it is, so that a CUDA graph can change it."""

    rules: Rules
    token: Any
    """The last token of each row, shape (rows, 1)."""
    written: Any
    """All tokens of each row with its prompt, shape (rows, places)."""
    log_probability: Any
    """The sum over the tokens of each row."""
    ended: Any
    last_is_time: Any
    """Whether the last token is a time."""
    earlier_is_time: Any
    """Whether the one before it is."""
    last_time: Any
    """The number of the last time, -1 if there is none."""
    forbidden: Any
    """Says of each token whether it may not be chosen in this step. All rows share this and what follows."""
    position: Any
    """The place of the last token, shape (1)."""
    sharpness: Any
    """What logits are multiplied by before one is chosen, shape (1)."""
    luck: Any
    """What is then added to the logit of each token. Zero at temperature 0. All rows have the same luck."""
    generator: Any
    """Draws the luck."""
    temperature: float = 0.0

    @classmethod
    def empty(cls, rules: Rules, rows: int, places: int) -> Choices:
        """Returns rows that have ended."""
        import torch

        model, device = rules.model, rules.model.device

        def numbers(*shape: int) -> Any:
            return torch.zeros(shape, dtype=torch.long, device=device)

        found = cls(
            rules=rules,
            token=numbers(rows, 1),
            written=numbers(rows, places),
            log_probability=torch.zeros(rows, device=device),
            ended=numbers(rows).bool(),
            last_is_time=numbers(rows).bool(),
            earlier_is_time=numbers(rows).bool(),
            last_time=numbers(rows),
            forbidden=rules.forbidden.clone(),
            position=numbers(1),
            sharpness=torch.ones(1, device=device),
            luck=torch.zeros(model.dims.n_vocab, device=device),
            generator=torch.Generator(device),
        )
        found.restart(0)
        return found

    def first(self, rows: int) -> Choices:
        """Returns the first rows, in the same memory."""
        return replace(self, **{name: getattr(self, name)[:rows] for name in PER_ROW})

    def restart(self, used: int, temperature: float = 0.0) -> None:
        """Prepares for other windows. Rows from `used` on have ended."""
        self.temperature = temperature
        self.sharpness.fill_(1 / temperature if temperature else 1.0)
        self.luck.zero_()
        self.generator.manual_seed(0)
        self.token.fill_(self.rules.eot)
        self.written.fill_(self.rules.eot)
        self.log_probability.zero_()
        self.ended.fill_(True)
        self.ended[:used].fill_(False)
        # The first token is a time, and words follow it as if it ended a pair.
        self.last_is_time.fill_(True)
        self.earlier_is_time.fill_(False)
        self.last_time.fill_(-1)
        self.position.zero_()

    def draw(self) -> None:
        """Draws the luck of the next token, with which each token wins as often as it is probable (Gumbel-max)."""
        if self.temperature:
            self.luck.exponential_(generator=self.generator).clamp_(min=MIN_EXPONENTIAL).log_().neg_()

    def choose_first(self, logits: Any) -> None:
        """Writes the first token after the prompt."""
        self.position.fill_(self.rules.prompt_tokens - 1)
        self.forbidden.copy_(self.rules.forbidden_first)
        self.draw()
        self.choose(logits)
        self.forbidden.copy_(self.rules.forbidden)

    def choose(self, logits: Any) -> None:
        """Writes the best token that is allowed to each row that has not ended. Changes `logits`.

        The rules are `SuppressBlank`, `SuppressTokens`, `ApplyTimestampRules` and `GreedyDecoder` of openai-whisper.
        """
        import torch

        rules = self.rules
        logits.masked_fill_(self.forbidden, -torch.inf)
        texts, times = logits[:, : rules.first_time], logits[:, rules.first_time :]
        # Times come in pairs, except before the end. They don't decrease, and no text has a length of zero.
        begins = self.last_is_time & ~self.earlier_is_time
        pair = self.last_is_time & self.earlier_is_time
        first_allowed = self.last_time + 1 - begins.long()
        times.masked_fill_((rules.times < first_allowed[:, None]) | pair[:, None], -torch.inf)
        texts[:, : rules.eot].masked_fill_(begins[:, None], -torch.inf)
        # A time is chosen if all times together are more probable than the best text.
        all_times = times.logsumexp(dim=-1)
        only_times = all_times > texts.amax(dim=-1)
        total = torch.where(only_times, all_times, torch.logaddexp(texts.logsumexp(dim=-1), all_times))
        scores = logits * self.sharpness + self.luck
        scores[:, : rules.first_time].masked_fill_(only_times[:, None], -torch.inf)
        chosen = scores.argmax(dim=-1)
        gained = logits.gather(1, chosen[:, None])[:, 0] - total
        is_time = chosen >= rules.first_time
        chosen = chosen.masked_fill(self.ended, rules.eot)
        self.log_probability.add_(gained.masked_fill(self.ended, 0.0))
        self.last_time.copy_(torch.where(is_time, chosen - rules.first_time, self.last_time))
        self.earlier_is_time.copy_(self.last_is_time)
        self.last_is_time.copy_(is_time)
        self.ended.logical_or_(chosen == rules.eot)
        self.token.copy_(chosen[:, None])
        self.position.add_(1)
        self.written.index_copy_(1, self.position, self.token)
