"""Reads, measures and writes audio. It imports only the standard library, numpy and, for resampling, soxr.

Audio is 16-bit mono PCM. `wav.read_wav` returns a `recording.Recording`, whose samples are on the 16-bit scale (-32768
to 32767). Measured levels are relative to full scale (1.0 = 32768), loudness is in LUFS.

- `wav`: whole WAV files in and out. `wav_reader`: WAV files that arrive in pieces over a network.
- `edges`: silence at both ends. `loudness`: loudness after ITU-R BS.1770-4.
- `rendering`: the clip that a listener hears.
"""
