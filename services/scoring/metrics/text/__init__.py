"""Metrics of the words in a recording: which are wrong, which matter most, and whether the meaning is kept."""
