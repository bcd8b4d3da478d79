"""Evaluations of recordings that developers upload or have stored."""
