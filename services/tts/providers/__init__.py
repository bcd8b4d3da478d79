"""The speech engines and companies that tts can ask, each behind the same interface (`engine.SpeechEngine`)."""
