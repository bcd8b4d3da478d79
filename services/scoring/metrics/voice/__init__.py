"""Metrics of how something is said: pitch, rhythm and prosody."""
