"""The words of a prompt with their errors marked, as one text for a cell of an export."""

from collections.abc import Mapping
from typing import Any


def marked_words(words: Mapping[str, Any] | None) -> str | None:
    """Returns aligned words with the marks of wdiff: `[-missing-]`, `{+additional+}`, and both for a replaced word.

    `words` is the JSON of `voicearena.scoring.v1.WordErrors`. Returns None if it is None.
    """
    if words is None:
        return None
    return " ".join(_marked(span) for span in words.get("alignment", ()))


def _marked(span: Mapping[str, Any]) -> str:
    expected, heard = " ".join(span.get("reference", ())), " ".join(span.get("transcript", ()))
    if span["operation"] == "equal":
        return expected
    return " ".join([*([f"[-{expected}-]"] if expected else ()), *([f"{{+{heard}+}}"] if heard else ())])
