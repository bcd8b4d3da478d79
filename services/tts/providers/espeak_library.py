"""libespeak-ng through ctypes. Only worker processes load it, because it has global state and the GPL licence.

Names are those of espeak-ng/speak_lib.h, version 1.52.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import espeakng_loader

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: espeak_Synth returns when all audio is made
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: bad data is an error, not the end of the process
_BUFFER_MS = 60
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_RATE = 1
_WORDS_PER_MINUTE = 175
_OK = 0


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the library. `identifier` is its file, the only name that selects it unambiguously."""

    identifier: str
    name: str
    tags: tuple[str, ...]


_SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class EspeakLibrary:
    """The library, loaded and initialised. One per process. Raises OSError or RuntimeError if loading fails."""

    def __init__(self) -> None:
        self._lib = ctypes.CDLL(str(espeakng_loader.get_library_path()))
        self._lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self._data = Path(espeakng_loader.get_data_path())
        self.sample_rate_hz = int(
            self._lib.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, str(self._data).encode(), _DONT_EXIT)
        )
        if self.sample_rate_hz <= 0:
            raise RuntimeError("espeak-ng did not find its data")
        self._take: Callable[[bytes], bool] | None = None
        # Stored, because the library does not keep the object behind the pointer alive.
        self._callback = _SynthCallback(self._on_audio)
        self._lib.espeak_SetSynthCallback(self._callback)

    def languages(self) -> list[Language]:
        """Returns every language, in the library's order."""
        found: list[Language] = []
        listed = self._lib.espeak_ListVoices(None)
        index = 0
        while listed[index]:
            voice = listed[index].contents
            found.append(Language(voice.identifier.decode(), voice.name.decode().strip(), _tags(voice.languages)))
            index += 1
        return found

    def variants(self) -> list[str]:
        """Returns the names of the variants. Each can be combined with any language."""
        return sorted(path.name for path in (self._data / "voices" / "!v").iterdir())

    def speak(self, text: str, identifier: str, speed: float, take: Callable[[bytes], bool]) -> None:
        """Speaks a text. Calls `take` with each piece of audio, and stops when it returns False.

        `identifier` is a language's, optionally with `+` and a variant's name. The library does not check them: for
        unknown names it uses the previous voice. Raises RuntimeError if it cannot speak.
        """
        if self._lib.espeak_SetVoiceByName(identifier.encode()) != _OK:
            raise RuntimeError(f"espeak-ng has no voice {identifier}")
        self._lib.espeak_SetParameter(_RATE, round(_WORDS_PER_MINUTE * speed), 0)
        encoded = text.encode()
        self._take = take
        try:
            status = self._lib.espeak_Synth(
                encoded, ctypes.c_size_t(len(encoded) + 1), 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None
            )
        finally:
            self._take = None
        if status != _OK:
            raise RuntimeError(f"espeak-ng could not speak: status {status}")

    def _on_audio(self, samples: int | None, count: int, _events: int | None) -> int:
        if not samples or count <= 0 or self._take is None:
            return 0
        return 0 if self._take(ctypes.string_at(samples, count * 2)) else 1


def _tags(address: int | None) -> tuple[str, ...]:
    """Reads pairs of a priority byte and a C string, up to a priority of 0. The lowest priority is the best."""
    found: list[tuple[int, str]] = []
    while address and (priority := ctypes.c_ubyte.from_address(address).value):
        tag = ctypes.string_at(address + 1)
        found.append((priority, tag.decode()))
        address += len(tag) + 2
    return tuple(tag for _, tag in sorted(found, key=lambda each: each[0]))
