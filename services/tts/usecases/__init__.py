"""The use cases of tts: streamed speech, stored speech (`jobs`, `audio`), and the providers and their voices."""
