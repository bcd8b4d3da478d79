"""A provider's list of voices as it is read: what can be used of it, and what was left out and why."""

from services.tts.domain import Voice

# More than any provider has today, and little enough for one event.
MAX_VOICES = 2000
# What the bus takes is 1 MiB; most of it are names of several bytes a character, and languages.
MAX_VOICES_BYTES = 512 * 1024
# A list of junk is not looked through to its end.
MAX_ITEMS = 10 * MAX_VOICES
# What one voice takes in a message beside its texts.
_VOICE_BYTES = 40


class UnusableVoice(Exception):
    """This item of a list can be no voice. The message goes on after a number of such items: "with an id of blanks"."""


class VoiceList:
    """The voices of a provider, each once and in order, within bounds."""

    def __init__(self) -> None:
        self._voices: dict[str, Voice] = {}
        self._bytes = 0
        self._items = 0
        self._refused: dict[str, int] = {}
        self._beyond = 0

    @property
    def full(self) -> bool:
        """Whether nothing more is taken."""
        return len(self._voices) >= MAX_VOICES or self._bytes >= MAX_VOICES_BYTES or self._items >= MAX_ITEMS

    @property
    def voices(self) -> list[Voice]:
        """Those that can be used."""
        return list(self._voices.values())

    def add(self, voice: Voice) -> None:
        """Takes a voice, unless there is one of its id."""
        self._items += 1
        size = _VOICE_BYTES + sum(
            len(text.encode()) for text in (voice.voice_id, voice.display_name, voice.model_id, *voice.languages)
        )
        if voice.voice_id in self._voices:
            self.refuse("with an id that came before")
        elif self._bytes + size > MAX_VOICES_BYTES:
            self._bytes = MAX_VOICES_BYTES
            self._beyond += 1
        else:
            self._voices[voice.voice_id] = voice
            self._bytes += size

    def refuse(self, why: str) -> None:
        """Notes that an item was left out."""
        self._items += 1
        self._refused[why] = self._refused.get(why, 0) + 1

    def skip(self, count: int) -> None:
        """Notes items that were not looked at, since the list is full."""
        self._beyond += count

    def left_out(self) -> str:
        """Returns how many were left out and why, as `3 with an id that came before`; empty if none were."""
        parts = [f"{count:,} {why}" for why, count in self._refused.items()]
        if self._beyond:
            parts.append(f"{self._beyond:,} after the first {len(self._voices):,}, which are as many as are taken")
        return "; ".join(parts)
