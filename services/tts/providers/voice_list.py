"""Reads a provider's list of voices: keeps the usable voices, and counts the others with the reason."""

from services.tts.domain import Voice

# More than any provider has today, and small enough for one event.
MAX_VOICES = 2000
# A message on the bus has at most 1 MiB.
MAX_VOICES_BYTES = 512 * 1024
# A list with many unusable items is not read to its end.
MAX_ITEMS = 10 * MAX_VOICES
# The size of one voice in a message, without its texts.
_VOICE_BYTES = 40


class UnusableVoice(Exception):
    """An item of a list is not a usable voice. The message follows the number of such items: "3 with a repeated id"."""


class VoiceList:
    """The voices of a provider, each once, in the provider's order, within size limits."""

    def __init__(self) -> None:
        self._voices: dict[str, Voice] = {}
        self._bytes = 0
        self._items = 0
        self._reasons: dict[str, int] = {}
        self._skipped = 0

    @property
    def full(self) -> bool:
        """Whether the list takes no more voices."""
        return len(self._voices) >= MAX_VOICES or self._bytes >= MAX_VOICES_BYTES or self._items >= MAX_ITEMS

    @property
    def voices(self) -> list[Voice]:
        """The usable voices."""
        return list(self._voices.values())

    def add(self, voice: Voice) -> None:
        """Adds a voice, unless its id is already in the list."""
        self._items += 1
        size = _VOICE_BYTES + sum(
            len(text.encode()) for text in (voice.voice_id, voice.display_name, voice.model_id, *voice.languages)
        )
        if voice.voice_id in self._voices:
            self.leave_out("with a repeated id")
        elif self._bytes + size > MAX_VOICES_BYTES:
            self._bytes = MAX_VOICES_BYTES
            self._skipped += 1
        else:
            self._voices[voice.voice_id] = voice
            self._bytes += size

    def leave_out(self, why: str) -> None:
        """Counts an item that was left out."""
        self._items += 1
        self._reasons[why] = self._reasons.get(why, 0) + 1

    def skip(self, count: int) -> None:
        """Counts items that were not read because the list is full."""
        self._skipped += count

    def left_out(self) -> str:
        """Returns how many items were left out and why, such as `3 with a repeated id`, an empty string if none."""
        parts = [f"{count:,} {why}" for why, count in self._reasons.items()]
        if self._skipped:
            parts.append(f"{self._skipped:,} after the first {len(self._voices):,}, which is the limit")
        return "; ".join(parts)
