"""When the words of many windows are said, over one pass of Whisper's decoder.

openai-whisper finds the times of words in the attention of a few heads to the sound. It runs the decoder once more for
each window. Here the decoder runs once for a batch, and openai-whisper gets the attention that it would have computed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

Heads = dict[int, list[int]]
"""The heads that give times of words, by layer."""


class Attention:
    """What `add_word_timestamps` uses of a model, for one window whose attention is known."""

    def __init__(self, model: Any, known: dict[int, dict[int, Any]]) -> None:
        self.dims, self.device, self.alignment_heads = model.dims, model.device, model.alignment_heads
        blocks = [
            _Block([heads.get(head) for head in range(model.dims.n_text_head)])
            for heads in (known.get(layer, {}) for layer in range(model.dims.n_text_layer))
        ]
        self.decoder = SimpleNamespace(blocks=[SimpleNamespace(cross_attn=block) for block in blocks])
        self._blocks = blocks

    def __call__(self, features: Any, tokens: Any) -> Any:
        """Gives the hooks what they wait for. Returns equal logits, which decide how sure words are, and not when."""
        import torch

        for block in self._blocks:
            block.call_hook()
        return torch.zeros(1, 1, self.dims.n_vocab, device=self.device).expand(1, tokens.shape[1], -1)


class _Block:
    """A layer whose attention is known."""

    def __init__(self, heads: list[Any]) -> None:
        self._heads = heads
        self._hook: Callable[..., Any] = lambda *_: None

    def register_forward_hook(self, hook: Callable[..., Any]) -> Any:
        """Remembers a hook."""
        self._hook = hook
        return SimpleNamespace(remove=lambda: None)

    def call_hook(self) -> None:
        """Calls it with the attention in the place where the layer returns it."""
        self._hook(self, (), (None, [self._heads]))


def attentions(model: Any, features: Any, prompts: Sequence[Sequence[int]]) -> list[Attention]:
    """Returns the attention of each window. `features` are encoded windows, `prompts` the tokens heard in them."""
    import torch
    from whisper.model import disable_sdpa

    heads: Heads = defaultdict(list)
    for layer, head in model.alignment_heads.indices().T.tolist():
        heads[layer].append(head)
    found: dict[int, Any] = {}
    hooks = [
        model.decoder.blocks[layer].cross_attn.register_forward_hook(
            lambda _, __, outputs, layer=layer: found.__setitem__(layer, outputs[-1][:, heads[layer]])
        )
        for layer in heads
    ]
    longest = max(map(len, prompts))
    tokens = torch.tensor([[*prompt, *[0] * (longest - len(prompt))] for prompt in prompts], device=model.device)
    decoder = model.decoder
    try:
        # Attention looks back only, so what follows the end of a prompt changes nothing before it.
        with torch.no_grad(), disable_sdpa():
            states = decoder.token_embedding(tokens) + decoder.positional_embedding[:longest]
            states = states.to(features.dtype)
            for block in decoder.blocks[: max(heads) + 1]:
                states = block(states, features, mask=decoder.mask)
    finally:
        for hook in hooks:
            hook.remove()
    return [
        Attention(
            model,
            {
                layer: {head: found[layer][row, index, : len(prompt)] for index, head in enumerate(own)}
                for layer, own in heads.items()
            },
        )
        for row, prompt in enumerate(prompts)
    ]
