"""Characters that take up no room when text is shown, so that two texts may differ in them and look the same."""

import re

_RANGES = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's property Default_Ignorable_Code_Point (DerivedCoreProperties.txt), which the standard library lacks."""
_CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
"""Control characters that are not white space."""

UNSEEN = re.compile(f"[{_RANGES}{_CONTROLS}]")
"""One character that can't be seen and is not white space."""
BLANKS = rf"[\s{_RANGES}{_CONTROLS}\u2800]*+"
"""A pattern for any run of white space and of characters that can't be seen; U+2800 is the Braille pattern without
dots."""


def without_unseen(text: str) -> str:
    """Returns text without the characters that can't be seen; white space stays."""
    return UNSEEN.sub("", text)
