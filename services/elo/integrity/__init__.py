"""Finds doubtful votes, judges them again, and watches how many are excluded."""
