"""The catalogue of voice models: tts's voices and what developers register."""
