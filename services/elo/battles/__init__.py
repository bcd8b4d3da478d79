"""Battles: made by the matchmaker or a developer, opened, read and watched."""
