"""Metrics of a conversation: who speaks when, and how the speakers take turns."""
