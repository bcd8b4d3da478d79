"""The metrics that scoring measures."""
