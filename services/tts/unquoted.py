"""Keeps what somebody wrote out of the logs, where a provider has repeated it in its error."""

# Shorter pieces are in any two texts of a language.
TELLING_CHARACTERS = 12
LEFT_OUT = "..."


def unquoted(message: str, text: str) -> str:
    """Returns a message without what it repeats of a text: all of a short one, else pieces of 12 characters or more."""
    length = min(TELLING_CHARACTERS, len(text))
    if not length:
        return message
    hidden = [False] * len(message)
    for start in range(len(message) - length + 1):
        if message[start : start + length] in text:
            hidden[start : start + length] = [True] * length
    shown: list[str] = []
    for character, is_hidden in zip(message, hidden, strict=True):
        if not is_hidden:
            shown.append(character)
        elif not shown or shown[-1] != LEFT_OUT:
            shown.append(LEFT_OUT)
    return "".join(shown)
