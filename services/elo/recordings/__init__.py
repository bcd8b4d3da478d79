"""Recordings that developers upload for their models of kind recorded. Each becomes a completed render."""
