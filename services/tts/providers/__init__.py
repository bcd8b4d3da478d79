"""The speech engines and hosted providers of tts, all with the interface `engine.SpeechEngine`."""
