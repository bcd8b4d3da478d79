"""What the demo compares: three local voices with different sounds and speeds, on the prompts of a support call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.cli.errors import CliError
from services.shared.reporting.formats import model_name

SCENARIO = "customer_support"
PROVIDER = "espeak"
NATURAL = "natural pace"
VOICES_COMPARED = 3
PROMPTS = (
    "Hello, thank you for calling. How can I help you today?",
    "I am sorry to hear that. Let me look into your order right away.",
    "Your refund of $42.50 will be on your card within three to five working days.",
    "Could you please read me the reference number? It starts with four, eight, one, five.",
    "I understand how frustrating that is, and I would feel the same way.",
    "Your appointment is on Thursday, March 3rd, at a quarter past nine. Does that suit you?",
    "One moment please. I am going to connect you with a colleague who knows more about this.",
    "Is there anything else that I can do for you? Then have a wonderful day. Goodbye!",
)


@dataclass(frozen=True)
class DemoVoice:
    """A voice of PROVIDER and its pace."""

    voice_id: str
    pace: str = NATURAL
    """The speed in words."""
    speed: float | None = None
    """The rate of speech relative to the voice's own, 0.5 to 2. None keeps the voice's own."""

    def __str__(self) -> str:
        return self.pace if self.speed is None else f"{self.pace}, speed {self.speed:g}"


# Speeds this far apart are easy to hear. A recogniser loses words of the hurried voice, and the slow one sounds like a
# robot.
VOICES = (
    DemoVoice("en-us+croak"),
    DemoVoice("en-us+f3", "hurried", 1.6),
    DemoVoice("en-us+robosoft8", "slow", 0.65),
)


def choose_voices(available: Sequence[str]) -> list[DemoVoice]:
    """Returns the available ones of VOICES, and other available voices in place of those that are missing.

    Raises CliError if fewer than VOICES_COMPARED voices are available.
    """
    planned = [voice for voice in VOICES if voice.voice_id in available]
    known = {voice.voice_id for voice in planned}
    others = [DemoVoice(voice_id) for voice_id in available if voice_id not in known]
    chosen = [*planned, *others][:VOICES_COMPARED]
    if len(chosen) < VOICES_COMPARED:
        found = ", ".join(available) or "none"
        raise CliError(f"The demo needs {VOICES_COMPARED} local voices. Available: {found}.")
    return chosen


def voice_lines(voices: Sequence[DemoVoice]) -> list[str]:
    """Returns a line for each voice: its name as in the results, and its speed in words."""
    names = [model_name(PROVIDER, voice.voice_id) for voice in voices]
    width = max(map(len, names))
    return [f"{name:<{width}}  {voice}" for name, voice in zip(names, voices, strict=True)]
