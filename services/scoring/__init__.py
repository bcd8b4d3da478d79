"""Scoring measures recordings: what a listener would notice, as numbers."""
