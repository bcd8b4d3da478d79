"""Which prompts are one and the same to whoever speaks them.

The unit of evidence is the prompt, so the same text eight times over must not count as eight.
"""

import unicodedata
from collections.abc import Sequence

from services.runtime.outside_text import without_unseen


def comparable(prompt: str) -> str:
    """Returns what two prompts have in common if they are spoken alike.

    Upper and lower case, white space around and between words, characters that can't be seen, and the spelling of
    characters (a letter with its accent in one or in two, full-width letters) make no difference. Punctuation does: a
    question is spoken unlike a statement. The folding is Unicode's NFKC_Casefold.
    """
    folded = unicodedata.normalize("NFKC", without_unseen(prompt)).casefold()
    # Folding may take a text out of its normal form, and the normal form may fold further.
    folded = without_unseen(unicodedata.normalize("NFKC", folded).casefold())
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def units(prompts: Sequence[str]) -> list[int]:
    """Returns for each prompt the index of the first prompt that is equal to it, which may be its own."""
    first: dict[str, int] = {}
    return [first.setdefault(comparable(prompt), index) for index, prompt in enumerate(prompts)]
