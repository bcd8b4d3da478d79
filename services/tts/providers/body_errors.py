"""Why the body of an answer with status 200 holds no speech."""


class UnusableBody(Exception):
    """The body holds no samples that can be used; the message goes on after the provider's name."""


class BrokenOff(Exception):
    """The body ended before its own end, at which another try may help; the message says how, if that is known."""


class ToldError(Exception):
    """The server said in mid-answer that it failed. `value` is what it said: JSON as its value, or text."""

    def __init__(self, value: object) -> None:
        super().__init__(str(value))
        self.value = value


class TextAnswer(Exception):
    """The body, or its end, is text. The message goes on after the provider's name; `content` is the text itself."""

    def __init__(self, message: str, content: bytes) -> None:
        super().__init__(message)
        self.content = content
